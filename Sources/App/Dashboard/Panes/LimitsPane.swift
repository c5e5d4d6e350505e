import CaudalModel
import Engine

/// The box in which the limits of the run are changed.
enum LimitsPane {
    static func draw(_ state: DashboardState, _ page: LimitsPage, into buffer: inout CellBuffer) {
        let limits = state.run.plan.limits
        let names = min(30, limits.map { TextWidth.of($0.name) }.max() ?? 0)
        let room = max(1, min(limits.count, buffer.boxHeight - 3))
        let place = buffer.box(title: "How much runs at once", lines: room + 2, width: 64)
        let start = max(0, min(page.choice - room / 2, limits.count - room))
        for (offset, limit) in limits.dropFirst(start).prefix(room).enumerated() {
            let row = place.row + offset
            let isChosen = start + offset == page.choice
            let (now, file) = (state.run.number(of: limit), state.run.plan.number(of: limit))
            let shown = page.draft[limit] ?? now
            let used = state.run.used(of: limit)
            var spans = [
                Span(isChosen ? "❯ " : "  ", .accent), Span(limit.name.fitted(names) + "  "),
                Span(String(shown).rightAligned(4), page.draft[limit] == nil ? .bold : Style(.wait, .bold)),
                Span("  \(used) \(limit == .maxParallel ? "running" : "taken")", .dim),
            ]
            if page.draft[limit] != nil { spans.append(Span("  now \(now)", .wait)) }
            if file != shown { spans.append(Span("  (\(file) in the file)", .dim)) }
            buffer.write(spans, row: row, column: place.column, limit: place.width)
            if isChosen { buffer.select(row: row, columns: place.column..<(place.column + place.width)) }
        }
        let note = "kept by a retry and a resume of this run; the file stays as it is"
        buffer.write(note, row: place.row + room + 1, column: place.column, limit: place.width, style: .dim)
    }
}
