import CaudalModel
import Engine

/// The box with the differences from another run.
enum ComparisonPane {
    /// The number of lines of differences that are seen on a screen.
    static func height(_ rows: Int) -> Int { max(1, rows - 6) }

    static func draw(_ state: DashboardState, _ page: ComparisonPage, into buffer: inout CellBuffer) {
        let lines = lines(state, page)
        let room = height(buffer.height)
        let start = max(0, min(page.scroll, lines.count - room))
        let below = lines.count - start - room
        let more = below > 0 ? "  \(below.counted("more line")) below" : ""
        let place = buffer.box(
            title: "What is different here\(more)", lines: min(lines.count, room), width: width)
        for (offset, spans) in lines.dropFirst(start).prefix(place.height).enumerated() {
            buffer.write(spans, row: place.row + offset, column: place.column, limit: place.width)
        }
    }

    private static let width = 112

    /// The lines of the box.
    static func lines(_ state: DashboardState, _ page: ComparisonPage) -> [[Span]] {
        guard let comparison = page.comparison else { return [[Span("reading run \(page.other) …", .dim)]] }
        let width = CellBuffer(width: state.columns, height: 1).boxWidth(for: width)
        let columns = Columns(comparison.differences, width)
        var lines = [head("here ", comparison.here, state), head("there", comparison.there, state), []]
        guard !comparison.differences.isEmpty else {
            return lines + [[Span("nothing is different: \(comparison.equalStages.counted("stage")) are equal", .good)]]
        }
        lines.append([Span(columns.titles, .dim)])
        for difference in comparison.differences {
            lines.append(columns.line(difference))
            lines += columns.wholeValues(difference, width - 4).map { [Span("    " + $0, .dim)] }
            lines += difference.lines.flatMap { $0.wrapped(max(8, width - 4)) }.map { [Span("    " + $0, .dim)] }
        }
        if comparison.equalStages > 0 {
            lines += [[], [Span("\(comparison.equalStages.counted("stage")) as there", .dim)]]
        }
        return lines
    }

    private static func head(_ word: String, _ head: RunComparison.Head, _ state: DashboardState) -> [Span] {
        let started = head.started.map { String(LocalTime.full($0, in: state.zone).prefix(16)) } ?? ""
        let style: Style =
            switch head.status {
            case .succeeded: .good
            case .failed, .interrupted: .bad
            case .running, .cancelled: .wait
            }
        return [
            Span(word + "  ", .dim), Span(started + "  ", .bold), Span(head.status.rawValue, style),
            Span("  \(head.took.short)"), Span("  \(head.id)", .dim),
        ]
    }

    /// The columns of the differences, as wide as what stands in them and as there is room.
    private struct Columns {
        let subject: Int
        let aspect: Int
        let value: Int

        init(_ differences: [RunComparison.Difference], _ width: Int) {
            func widest(_ texts: [String?]) -> Int { texts.map { TextWidth.of($0 ?? "—") }.max() ?? 0 }
            // The last column is that of the change, 6 wide; two cells are between columns.
            let room = max(24, width - 6 - 8)
            let name = max(5, widest(differences.map(\.subject)))
            let wanted = max(5, widest(differences.map(\.aspect)))
            let most = max(room / 5, (room - name - wanted) / 2)
            value = min(max(5, widest(differences.flatMap { [$0.here, $0.there] })), most)
            let rest = room - 2 * value
            subject = min(name, max(rest / 2, rest - wanted))
            aspect = min(wanted, rest - subject)
        }

        var titles: String {
            "stage".fitted(subject) + "  " + "what".fitted(aspect) + "  " + "here".fitted(value) + "  "
                + "there".fitted(value)
        }

        func line(_ difference: RunComparison.Difference) -> [Span] {
            func cell(_ text: String?, _ width: Int, _ style: Style) -> Span {
                Span(PlainText.sanitized(text ?? "—").fitted(width) + "  ", text == nil ? .dim : style)
            }
            // Of long values that begin alike, what differs is seen.
            let ends = SharedEnds([difference.here, difference.there].compactMap(\.self))
            return [
                cell(difference.subject, subject, difference.style), cell(difference.aspect, aspect, .plain),
                cell(difference.here.map { ends.tail($0, width: value) }, value, difference.style),
                cell(difference.there.map { ends.tail($0, width: value) }, value, .plain),
                Span(difference.change, .dim),
            ]
        }

        /// The values of a difference on lines of their own, where one of them is wider than its column.
        func wholeValues(_ difference: RunComparison.Difference, _ width: Int) -> [String] {
            let values = [("here   ", difference.here), ("there  ", difference.there)]
            guard values.contains(where: { TextWidth.of($0.1 ?? "") > value }) else { return [] }
            return values.flatMap { lead, text -> [String] in
                let lines = PlainText.sanitized(text ?? "—").wrapped(max(8, width - lead.count))
                return lines.enumerated().map { ($0 == 0 ? lead : String(repeating: " ", count: lead.count)) + $1 }
            }
        }
    }
}
