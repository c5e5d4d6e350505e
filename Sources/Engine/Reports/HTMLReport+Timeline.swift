import CaudalModel

extension HTMLReport {
    /// When each stage ran: a lane for each stage, a bar for each attempt, lanes below for the items of a fan-out.
    var timeline: String {
        let lines = report.stageLines
        let bars = lines.flatMap(\.lanes).flatMap(\.bars)
        let scale = TimeScale(bars.map { ($0.start.seconds, $0.end.seconds) })
        let marks = scale.marks
        let texts = marks.map { mark in
            let text = mark == 0 ? "0" : Duration.milliseconds(Int64((mark * 1000).rounded())).written
            return "<span style=\"left:\(Self.percent(scale.place(mark)))\">\(text)</span>"
        }
        // The background of each lane: a line for each mark, a gap where a pause was shortened.
        let grid =
            marks.map { "<s style=\"left:\(Self.percent(scale.place($0)))\"></s>" }.joined()
            + scale.pauses.map { pause in
                "<u style=\"left:\(Self.percent(pause.from));width:\(Self.percent(pause.to - pause.from))\"></u>"
            }.joined()
        let lanes = lines.flatMap { line -> [String] in
            let time = line.duration?.short ?? (line.stage.startedAt == nil ? line.status : "")
            var texts = [lane(line.lanes[0], line.planned.id.rawValue, time, scale, grid)]
            let items = line.lanes.dropFirst()
            for item in items.prefix(Self.laneLimit) {
                let took = item.bars.last.map { ($0.end - $0.start).short } ?? ""
                texts.append(lane(item, item.item?.rawValue ?? "", took, scale, grid))
            }
            if items.count > Self.laneLimit {
                let more = (items.count - Self.laneLimit).counted("item")
                texts.append("<div class=\"lane item\"><b>and \(more) more</b></div>")
            }
            return texts
        }
        let pauses = scale.pauses.map(\.length.short)
        let note =
            pauses.isEmpty
            ? "" : "<p class=\"soft\">Cut out: \(pauses.formattedAsList) in which nothing ran.</p>\n"
        // A timeline that fits on half a page is kept on one page.
        return "<div class=\"timeline\(lanes.count <= 30 ? " short" : "")\"><div class=\"lane axis\"><b></b>"
            + "<div class=\"track\">\(texts.joined())</div><em></em></div>\n\(lanes.joined(separator: "\n"))</div>\n\(note)"
    }

    private func lane(
        _ lane: RunReport.Lane, _ name: String, _ time: String, _ scale: TimeScale, _ grid: String
    ) -> String {
        let bars = lane.bars.map { bar -> String in
            let left = min(0.996, scale.place(bar.start.seconds))
            let width = min(max(0.004, scale.place(bar.end.seconds) - left), 1 - left)
            let title =
                "attempt \(bar.number) \(bar.word), from \(bar.start.short), took \((bar.end - bar.start).short)"
                + (bar.place.map { ", on \($0)" } ?? "")
            let number = lane.bars.count > 1 && width > 0.02 ? String(bar.number) : ""
            return "<span class=\"\(bar.tone.rawValue)\" style=\"left:\(Self.percent(left));"
                + "width:\(Self.percent(width))\" title=\"\(escaped(title))\">\(number)</span>"
        }
        let name = escaped(name)
        return "<div class=\"lane\(lane.item == nil ? "" : " item")\"><b title=\"\(name)\">\(name)</b>"
            + "<div class=\"track\">\(grid)\(bars.joined())</div><em>\(escaped(time))</em></div>"
    }

    private static func percent(_ part: Double) -> String { (part * 100).rounded(to: 2) + "%" }
}
