import CaudalModel
import Engine

/// What keys do in the log.
extension DashboardReducer {
    /// The current line of the log.
    func currentLine(_ state: DashboardState) -> Int { min(state.log.cursor ?? lines.count - 1, lines.count - 1) }

    /// Changes what is shown of the log; the current line stays current where it is shown.
    func showLog(
        _ state: inout DashboardState, _ change: (inout LogIndex.View) -> Void
    ) -> [DashboardEffect] {
        var before = state.log.shown
        change(&state.log.shown)
        guard before != state.log.shown else { return [] }
        before.search = state.log.shown.search
        if before != state.log.shown {
            // Lines have new numbers.
            if state.log.cursor != nil, let record = lines.record(at: currentLine(state)) {
                state.log.anchor = LogView.Anchor(time: record.time, message: record.message)
            }
            (state.log.cursor, state.log.bottom, state.log.skip, state.log.picked) = (nil, nil, 0, [])
        }
        return [.showLog(state.log.shown)]
    }

    /// Notes how many lines there are, and goes to the line that was current before other lines were shown, and to the first match that is awaited.
    func logHasGrown(_ state: inout DashboardState) {
        state.log.count = lines.count
        guard lines.isComplete else { return }
        if let anchor = state.log.anchor {
            state.log.anchor = nil
            if let line = lines.find(anchor) { goToLine(line, &state) }
        }
        guard state.log.awaitsHit else { return }
        state.log.awaitsHit = false
        go(to: .log, &state)
        if lines.hits == 0 {
            state.say(Self.absence(of: state.log.search), .wait)
        } else if !lines.isHit(at: currentLine(state)) {
            // From a line that was gone to, the next one below; at the end of the log the newest.
            findLine(state.log.cursor == nil ? -1 : 1, &state)
        }
    }

    /// That a text was not found, and how it was understood where that matters.
    private static func absence(of search: String) -> String {
        let fault = LogSearch(search)?.fault.map { " as text; it \($0.words)" } ?? ""
        return "'\(search)' is not in the log\(fault)"
    }

    // MARK: - Moving

    /// Moves the current line; at the end of the log it follows new lines.
    func moveInLog(_ step: Int, _ state: inout DashboardState) {
        guard lines.count > 0 else { return }
        let current = currentLine(state)
        var (target, skip) = (current + step, 0)
        if let geometry = LogGeometry(state), geometry.wraps, abs(step) < Int(Int32.max) {
            (target, skip) = rowsFrom(current, step, geometry, state)
        }
        let most = LogGeometry(state).map { $0.rowCount(of: min(target, lines.count - 1), lines) - $0.height } ?? 0
        if target >= lines.count || target == lines.count - 1 && skip >= most {
            (state.log.cursor, state.log.bottom, state.log.skip) = (nil, nil, 0)
        } else {
            goToLine(max(0, target), &state)
            state.log.skip = skip
        }
    }

    /// The line that is so many rows away, and the rows to skip of it where it is longer than the pane.
    private func rowsFrom(
        _ current: Int, _ step: Int, _ geometry: LogGeometry, _ state: DashboardState
    ) -> (line: Int, skip: Int) {
        func most(_ line: Int) -> Int { max(0, geometry.rowCount(of: line, lines) - geometry.height) }
        // A single step goes from line to line, but through the rows of one that is longer than the pane.
        func cost(_ line: Int) -> Int {
            abs(step) == 1 ? 1 : min(geometry.rowCount(of: line, lines), geometry.height)
        }
        var (line, left) = (current, abs(step))
        var skip = state.log.cursor == nil ? most(line) : min(state.log.skip, most(line))
        while left > 0 {
            let inside = min(left, step > 0 ? most(line) - skip : skip)
            skip += step.signum() * inside
            left -= inside
            guard left > 0 else { break }
            let next = line + step.signum()
            guard next < lines.count else { return (next, 0) }
            guard next >= 0 else { break }
            left -= cost(step > 0 ? line : next)
            (line, skip) = (next, step > 0 ? 0 : most(next))
        }
        return (line, skip)
    }

    /// Makes a line current, and scrolls so that it is seen: in the middle where it was not.
    func goToLine(_ line: Int, _ state: inout DashboardState) {
        let last = lines.count - 1
        guard let geometry = LogGeometry(state), geometry.height > 0 else {
            (state.log.cursor, state.log.bottom) = (line, line)
            return
        }
        let height = geometry.height
        var bottom = min(state.log.bottom ?? last, last)
        if geometry.wraps {
            bottom = max(min(bottom, line + height), line)
            var rows = 0
            for index in line...bottom {
                rows += geometry.rowCount(of: index, lines)
                guard rows > height, index > line else { continue }
                bottom = index - 1
                break
            }
        } else {
            let isSeen = (bottom - height + 1...bottom).contains(line)
            if !isSeen, abs(line - currentLine(state)) > height { bottom = line + height / 2 }
            // Two lines before and behind the current one are seen too.
            let margin = min(2, (height - 1) / 2)
            bottom = min(max(bottom, line + margin), line - margin + height - 1)
            bottom = min(last, max(bottom, min(height, lines.count) - 1))
        }
        (state.log.cursor, state.log.bottom, state.log.skip) = (line, bottom, 0)
    }

    /// Goes to the next match, or to the previous one if `step` is negative.
    func findLine(_ step: Int, _ state: inout DashboardState) {
        guard !state.log.search.isEmpty else { return state.say("no search yet: press / to search") }
        go(to: .log, &state)
        guard lines.hits > 0 || lines.isComplete else {
            state.log.awaitsHit = true
            return state.say("searching …")
        }
        goToNext(step, Self.absence(of: state.log.search), &state) { lines.hit(from: $0, forward: $1) }
        showMatch(&state)
    }

    /// Scrolls a long line so that what was found in it is seen.
    private func showMatch(_ state: inout DashboardState) {
        guard let geometry = LogGeometry(state), let record = lines.record(at: currentLine(state)),
            let place = LogSearch(state.log.search)?.places(in: LogPane.text(of: record), most: 1).first
        else { return }
        let text = LogPane.text(of: record)
        if geometry.wraps {
            let rows = geometry.rows(of: text)
            let row = rows.firstIndex { $0.contains(place.lowerBound) } ?? 0
            state.log.skip = max(0, min(row - geometry.height / 2, rows.count - geometry.height))
            return
        }
        let (first, end) = (
            TextWidth.of(text.bytes(0..<place.lowerBound)), TextWidth.of(text.bytes(0..<place.upperBound))
        )
        // The signs at both ends cover a cell each.
        if first > state.log.shift, end < state.log.shift + geometry.width { return }
        state.log.shift = end < geometry.width ? 0 : max(0, first - geometry.width / 2)
    }

    /// Goes to the next line of the level error, or to the previous one if `step` is negative.
    func findError(_ step: Int, _ state: inout DashboardState) {
        goToNext(step, "no line of the level error is shown", &state) { lines.error(from: $0, forward: $1) }
    }

    private func goToNext(
        _ step: Int, _ nothing: String, _ state: inout DashboardState, _ next: (_ from: Int, _ forward: Bool) -> Int?
    ) {
        let current = currentLine(state)
        let isAtEnd = state.log.cursor == nil && step < 0
        let found =
            step > 0
            ? next(current, true) ?? next(-1, true)
            : next(isAtEnd ? lines.count : current, false) ?? next(lines.count, false)
        guard let found else { return state.say(nothing, .wait) }
        goToLine(found, &state)
        if step > 0, found <= current { state.say("continued at the beginning") }
        if step < 0, found >= current, !isAtEnd { state.say("continued at the end") }
    }

    /// Scrolls long lines sideways by halves of the pane.
    func shiftLog(_ halves: Int, _ state: inout DashboardState) {
        guard !state.log.wraps else { return state.say("lines are wrapped: w puts each on one row") }
        let width = LogGeometry(state)?.width ?? 40
        state.log.shift = max(0, min(state.log.shift + halves * max(1, width / 2), 1_000_000))
    }

    /// Scrolls to the end of the longest line on the screen.
    func shiftLogToEnd(_ state: inout DashboardState) {
        guard !state.log.wraps else { return state.say("lines are wrapped: w puts each on one row") }
        guard let geometry = LogGeometry(state) else { return }
        let longest = geometry.visible(state.log, lines).compactMap { lines.record(at: $0.line) }
            .map { TextWidth.of(LogPane.text(of: $0)) }.max()
        state.log.shift = max(0, (longest ?? 0) - geometry.width + 1)
    }

    // MARK: - What is shown

    /// Shows only the lines of the selected stage, or all lines again; those of a failed item before those of its stage.
    func narrowLog(_ state: inout DashboardState) -> [DashboardEffect] {
        let unit = state.nextLogUnit
        go(to: .log, &state)
        if let unit, unit.item != nil, unit != state.selection {
            state.say("\(unit) has failed; \(state.keys.key("stage-log", "L")) shows all lines of \(unit.stage)")
        }
        return showLog(&state) { $0.unit = unit }
    }

    /// Shows only errors, or all lines again.
    func showErrors(_ state: inout DashboardState) -> [DashboardEffect] {
        go(to: .log, &state)
        return showLog(&state) { $0.level = $0.level == .error ? .debug : .error }
    }

    /// Shows more levels, or fewer if `step` is positive.
    func changeLevel(_ step: Int, _ state: inout DashboardState) -> [DashboardEffect] {
        let level = LogLevel(rawValue: state.log.level.rawValue + step) ?? state.log.level
        return showLog(&state) { $0.level = level }
    }

    /// Shows all lines again.
    func showWholeLog(_ state: inout DashboardState) -> [DashboardEffect] {
        state.log.filterText = ""
        return showLog(&state) { view in
            var all = LogIndex.View(search: view.search)
            all.foldsTraces = view.foldsTraces
            view = all
        }
    }

    func foldTraces(_ state: inout DashboardState) -> [DashboardEffect] {
        state.say(state.log.shown.foldsTraces ? "stack traces are unfolded" : "stack traces are folded")
        return showLog(&state) { $0.foldsTraces.toggle() }
    }

    // MARK: - Picked lines

    func pickLine(_ state: inout DashboardState) {
        guard lines.count > 0 else { return }
        state.log.picked.formSymmetricDifference([currentLine(state)])
        if state.log.cursor == nil { goToLine(currentLine(state), &state) }
        let count = state.log.picked.count
        state.say(
            count == 0
                ? "no line is picked"
                : "\(count.counted("line")) picked: y copies from the first to the \(count > 1 ? "last" : "current line")"
        )
    }

    /// Goes to the next picked line.
    func findPicked(_ state: inout DashboardState) {
        let current = currentLine(state)
        let picked = state.log.picked
        guard let next = picked.filter({ $0 > current }).min() ?? picked.min() else {
            return state.say("no line is picked: \(state.keys.key("pick-line", "m")) picks one")
        }
        goToLine(next, &state)
    }

    // MARK: - Copying

    /// Copies what the focused pane is about.
    func copy(_ state: inout DashboardState) -> [DashboardEffect] {
        switch DashboardLayout(state).focus {
        case .log:
            guard lines.count > 0 else { return [] }
            let current = currentLine(state)
            let copied = state.log.copied(current: current)
            state.log.picked = []
            return [.copy(copied.map { .lines($0) } ?? .line(current))]
        case .inspector:
            let text = InspectorText(state).lines.map { $0.map(\.text).joined() }.joined(separator: "\n")
            return [.copy(.text(text, of: "the inspector of \(state.selection)"))]
        case .graph, .stages: return copyError(&state)
        }
    }

    /// Copies why the selected stage or item has failed; of another one, its name.
    func copyError(_ state: inout DashboardState) -> [DashboardEffect] {
        state.overlay = nil
        guard let text = state.errorText else {
            return [.copy(.text(state.selection.description, of: "the name of \(state.selection)"))]
        }
        return [.copy(.text(text, of: "the error of \(state.selection)"))]
    }
}

extension DashboardState {
    /// Whose lines the log shows after the next press of the key that narrows it; nil for those of all stages.
    var nextLogUnit: UnitID? {
        // Why a fan-out failed is told by its items.
        let failed =
            selection.item == nil
            ? run.stage(selection.stage)?.items.first { $0.unit.status == .failed }
                .map { UnitID(selection.stage, $0.item.key) } : nil
        let steps = [failed, selection].compactMap(\.self)
        guard let place = log.filteredUnit.flatMap(steps.firstIndex(of:)) else { return steps[0] }
        return place + 1 < steps.count ? steps[place + 1] : nil
    }

    /// Why the selected stage or item has failed, as text; nil if it has not.
    var errorText: String? {
        guard let unit = run.unit(selection), unit.status == .failed else { return nil }
        var lines: [String] = []
        if let failure = unit.lastResult?.failure {
            lines = [failure.location.map { "\($0): \(failure.message)" } ?? failure.message]
            if let remedy = failure.remedy { lines.append("→ \(remedy)") }
        } else {
            lines = [unit.reason ?? "failed"]
        }
        for item in selection.item == nil ? run.stage(selection.stage)?.items ?? [] : [] {
            guard item.unit.status == .failed else { continue }
            lines.append("[\(item.item.key)] \(item.unit.lastResult?.failure?.message ?? item.unit.reason ?? "failed")")
        }
        lines += unit.lastResult?.lastLines ?? []
        return lines.joined(separator: "\n")
    }
}

extension LogPattern.Fault {
    /// What is wrong with a regular expression, and where.
    var words: String { "is not a regular expression: \(message), at character \(place)" }
}
