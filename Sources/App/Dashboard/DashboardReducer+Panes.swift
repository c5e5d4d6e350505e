import Engine

// What keys and the mouse mean in each pane.
extension DashboardReducer {
    private func select(_ id: UnitID, _ state: inout DashboardState) {
        if id != state.selection { state.inspectorScroll = 0 }
        state.selection = id
    }

    func inGraph(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        let layout = DashboardLayout(state)
        if layout.drawsRail { return inRail(key, &state) }
        guard let index = state.selectedIndex, let picture = layout.picture else { return [] }
        let plan = state.run.plan
        func nearest(_ candidates: [Int]) -> Int? {
            candidates.min {
                abs(picture.frames[$0].row - picture.frames[index].row)
                    < abs(picture.frames[$1].row - picture.frames[index].row)
            }
        }
        let layer = picture.layers.first { $0.contains(index) } ?? []
        let inLayer = layer.sorted { picture.frames[$0].row < picture.frames[$1].row }
        let place = inLayer.firstIndex(of: index) ?? 0
        var target: Int?
        switch key {
        case .left, .character("h"): target = nearest(plan.upstream[index])
        case .right, .character("l"): target = nearest(plan.downstream[index])
        case .down, .character("j"): target = place + 1 < inLayer.count ? inLayer[place + 1] : below(index, picture)
        case .up, .character("k"): target = place > 0 ? inLayer[place - 1] : above(index, picture)
        case .home, .character("g"): target = picture.layers.first?.first
        case .end, .character("G"): target = picture.layers.last?.first
        case .character(" "): state.unfolded.formSymmetricDifference([state.selection.stage])
        default: break
        }
        if let target { select(UnitID(plan.stages[target].id), &state) }
        return []
    }

    /// The nearest node below, in any layer, when its own layer has none.
    private func below(_ index: Int, _ picture: GraphPicture) -> Int? {
        nearest(index, picture) { picture.frames[$0].row > picture.frames[index].row }
    }

    private func above(_ index: Int, _ picture: GraphPicture) -> Int? {
        nearest(index, picture) { picture.frames[$0].row < picture.frames[index].row }
    }

    private func nearest(_ index: Int, _ picture: GraphPicture, _ fits: (Int) -> Bool) -> Int? {
        let own = picture.frames[index]
        return picture.frames.indices.filter { $0 != index && fits($0) }.min { a, b in
            func distance(_ other: Int) -> Int {
                abs(picture.frames[other].row - own.row) * 2 + abs(picture.frames[other].column - own.column)
            }
            return distance(a) < distance(b)
        }
    }

    private func inRail(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        move(key, among: RailPane.rows(state).map(\.id), &state)
        return []
    }

    func inStages(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        if key == .character("s") {
            let orders = DashboardState.StageOrder.allCases
            state.order = orders[((orders.firstIndex(of: state.order) ?? 0) + 1) % orders.count]
            return []
        }
        move(key, among: state.listed, &state)
        return []
    }

    private func move(_ key: Key, among ids: [UnitID], _ state: inout DashboardState) {
        guard !ids.isEmpty else { return }
        let place = ids.firstIndex(of: state.selection) ?? ids.firstIndex { $0.stage == state.selection.stage } ?? 0
        var next = place
        switch key {
        case .down, .character("j"): next += 1
        case .up, .character("k"): next -= 1
        case .pageDown, .control("d"): next += 10
        case .pageUp, .control("u"): next -= 10
        case .home, .character("g"): next = 0
        case .end, .character("G"): next = ids.count - 1
        case .character(" "):
            let stage = state.selection.stage
            if state.run.stage(stage)?.hasItems == true { state.unfolded.formSymmetricDifference([stage]) }
            if !state.unfolded.contains(stage) { select(UnitID(stage), &state) }
            return
        default: return
        }
        select(ids[min(max(0, next), ids.count - 1)], &state)
    }

    func inInspector(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        switch key {
        case .down, .character("j"): state.inspectorScroll += 1
        case .up, .character("k"): state.inspectorScroll = max(0, state.inspectorScroll - 1)
        case .pageDown, .control("d"), .character(" "): state.inspectorScroll += 10
        case .pageUp, .control("u"): state.inspectorScroll = max(0, state.inspectorScroll - 10)
        case .home, .character("g"): state.inspectorScroll = 0
        case .left, .character("h"):
            state.showsInspector = false
            state.focus = .graph
        default: break
        }
        let height = DashboardLayout(state).frame(of: .inspector)?.rows.count ?? 10
        state.inspectorScroll = max(0, min(state.inspectorScroll, InspectorText(state).lines.count - height + 1))
        return []
    }

    func inLog(_ key: Key, _ state: inout DashboardState) -> [DashboardEffect] {
        let page = max(1, (DashboardLayout(state).frame(of: .log)?.rows.count ?? 10) - 2)
        switch key {
        case .up, .character("k"): scrollLog(-1, &state)
        case .down, .character("j"): scrollLog(1, &state)
        case .pageUp, .control("u"): scrollLog(-page, &state)
        case .pageDown, .control("d"), .character(" "): scrollLog(page, &state)
        case .home, .character("g"): scrollLog(-state.log.count(lines), &state)
        case .end, .character("G"): state.log.bottom = nil
        case .left, .character("h"): state.log.shift = max(0, state.log.shift - 10)
        case .right, .character("l"): state.log.shift += 10
        default: break
        }
        return []
    }

    /// Moves the view of the log; at its end it follows again.
    private func scrollLog(_ step: Int, _ state: inout DashboardState) {
        let count = state.log.count(lines)
        guard count > 0 else { return }
        let page = max(1, (DashboardLayout(state).frame(of: .log)?.rows.count ?? 10) - 1)
        let bottom = (state.log.bottom ?? count - 1) + step
        state.log.bottom = bottom >= count - 1 ? nil : max(min(page, count) - 1, bottom)
    }

    func findNext(_ step: Int, _ state: inout DashboardState) {
        let hits = state.log.hits
        guard !hits.isEmpty, state.log.count(lines) > 0 else { return state.say("nothing is searched for: / searches") }
        let current = state.log.line(at: state.log.bottom ?? state.log.count(lines) - 1)
        let next: Int
        if step > 0 {
            next = hits.first { $0 > current } ?? hits[0]
        } else {
            next = hits.last { $0 < current || state.log.bottom == nil && $0 <= current } ?? hits[hits.count - 1]
        }
        let place =
            state.log.matching.map { matching in matching.firstIndex { $0 >= next } ?? matching.count - 1 } ?? next
        state.log.bottom = place
    }

    // MARK: - Mouse

    func scroll(at row: Int, by step: Int, _ state: inout DashboardState) {
        guard let pane = DashboardLayout(state).panes.first(where: { $0.rows.contains(row) })?.pane else { return }
        switch pane {
        case .log: scrollLog(step, &state)
        case .inspector: state.inspectorScroll = max(0, state.inspectorScroll + step)
        case .stages: move(step > 0 ? .down : .up, among: state.listed, &state)
        case .graph: if DashboardLayout(state).drawsRail { _ = inRail(step > 0 ? .down : .up, &state) }
        }
    }

    func click(_ row: Int, _ column: Int, _ state: inout DashboardState) {
        let layout = DashboardLayout(state)
        guard let frame = layout.panes.first(where: { $0.rows.contains(row) && $0.columns.contains(column) }) else {
            return
        }
        state.focus = frame.pane
        let line = row - frame.rows.lowerBound - 1
        guard line >= 0 else { return }
        switch frame.pane {
        case .graph where layout.drawsRail:
            let rows = RailPane.visibleRows(state, height: frame.rows.count - 1)
            if rows.indices.contains(line) { select(rows[line].id, &state) }
        case .graph:
            guard let picture = layout.picture else { return }
            let place = (
                row: line + state.graphScroll.row,
                column: column - frame.columns.lowerBound - 1 + state.graphScroll.column
            )
            let hit = picture.frames.firstIndex { frame in
                (frame.row..<(frame.row + frame.height)).contains(place.row)
                    && (frame.column..<(frame.column + frame.width)).contains(place.column)
            }
            if let hit { select(UnitID(state.run.plan.stages[hit].id), &state) }
        case .stages:
            let rows = StagePane.visibleRows(state, height: frame.rows.count - 2)
            if line >= 1, rows.indices.contains(line - 1) { select(rows[line - 1], &state) }
        case .log, .inspector: break
        }
    }
}
