extension HTMLReport {
    /// When each stage ran: a lane for each, a bar for each attempt, lanes below for the items of a fan-out.
    var timeline: String {
        let lines = report.stageLines
        let end = lines.flatMap(\.lanes).flatMap(\.bars).map(\.end.seconds).max() ?? 0
        let total = max(0.001, end)
        let step = Self.step(for: total)
        var ticks = ""
        var marks = 0.0
        while marks <= total * 0.999 {
            let place = (marks / total * 100).rounded(to: 2)
            let text = marks == 0 ? "0" : Duration.milliseconds(Int64(marks * 1000)).written
            ticks += "<span style=\"left:\(place)%\">\(text)</span>"
            marks += step
        }
        let grid = (step / total * 100).rounded(to: 3)
        let lanes = lines.map { line -> String in
            let name = escaped(line.planned.id.rawValue)
            let time = line.duration?.short ?? (line.stage.startedAt == nil ? line.status : "")
            var text = lane(line.lanes[0], name: name, time: time, total: total, isFirst: true)
            let items = line.lanes.dropFirst()
            for item in items.prefix(Self.laneLimit) {
                let took = item.bars.last.map { $0.end - $0.start }?.short ?? ""
                text += lane(item, name: escaped(item.item?.rawValue ?? ""), time: took, total: total, isFirst: false)
            }
            if items.count > Self.laneLimit {
                text +=
                    "<div class=\"lane item\"><b>and \((items.count - Self.laneLimit).counted("item")) more</b></div>"
            }
            return text
        }
        // One that fits on half a sheet of paper is not torn apart.
        let laneCount = lines.reduce(0) { $0 + min($1.lanes.count, Self.laneLimit + 1) }
        return
            "<div class=\"timeline\(laneCount <= 30 ? " short" : "")\" style=\"--step:\(grid)%\"><div class=\"lane axis\"><b></b><div class=\"track\">\(ticks)</div><em></em></div>\n"
            + lanes.joined(separator: "\n") + "</div>\n"
    }

    private func lane(
        _ lane: RunReport.Lane, name: String, time: String, total: Double, isFirst: Bool
    ) -> String {
        let hasMany = lane.bars.count > 1
        let bars = lane.bars.map { bar -> String in
            let left = min(99.6, bar.start.seconds / total * 100)
            let width = min(max(0.4, (bar.end - bar.start).seconds / total * 100), 100 - left)
            let title =
                "attempt \(bar.number) \(bar.word), from \(bar.start.short), took \((bar.end - bar.start).short)"
            let number = hasMany ? String(bar.number) : ""
            return
                "<span class=\"\(bar.tone.rawValue)\" style=\"left:\(left.rounded(to: 2))%;width:\(width.rounded(to: 2))%\" "
                + "title=\"\(escaped(title))\">\(number)</span>"
        }
        let style = isFirst ? "" : " item"
        return "<div class=\"lane\(style)\"><b title=\"\(name)\">\(name)</b><div class=\"track\">\(bars.joined())</div>"
            + "<em>\(escaped(time))</em></div>"
    }

    /// The distance of two marks of the axis in seconds, for at most eight of them.
    private static func step(for total: Double) -> Double {
        let steps: [Double] = [
            0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400,
            21_600, 43_200, 86_400, 172_800, 604_800,
        ]
        return steps.first { total / $0 <= 8 } ?? total / 8
    }
}
