import CaudalModel
import Engine
import Foundation

/// Everything that the dashboard shows: keys and events change it, panes draw it.
struct DashboardState: ScreenState {
    /// How the graph is drawn; automatic draws the picture if it fits, the focus of large graphs, otherwise the rail.
    enum GraphView: String, CaseIterable { case automatic, graph, focus, groups, rail }

    /// The order of the list of stages.
    enum StageOrder: String, CaseIterable { case state, file, time }

    /// A short message in the footer.
    struct Toast {
        var text: String
        var style: Style
        var until: Moment
        /// How long it is still shown in a replay, whose clock stops and runs ahead, in milliseconds.
        var left: Int64 = 5000
    }

    var run: RunState
    /// The run as it went, if it is shown so.
    var replay: RunReplay?
    /// What a tour says.
    var caption: String?
    var graph: GraphModel
    var now: Moment
    var rows: Int
    var columns: Int
    /// The frame of spinners, counted up while something moves.
    var frame = 0

    var focus = Pane.graph
    var zoomed: Pane?
    /// Whether the inspector replaces the log, on a small screen.
    var showsInspector = false
    var selection: UnitID
    /// The stages that a retry is for, instead of the selected one.
    var picked: Set<StageID> = []
    /// The fan-outs whose items are listed.
    var unfolded: Set<StageID> = []
    var view = GraphView.automatic
    /// How many edges away from the selected stage the focus shows, and whether the user has chosen that; otherwise it
    /// shows fewer where so many do not fit.
    var hops = 2
    private(set) var choosesHops = false
    /// The groups whose stages are shown one by one, and the chains, by their first stage, that are not folded.
    var openGroups: Set<String> = []
    var openChains: Set<StageID> = []
    /// For each stage, the stage from which the user came to it along an edge, by direction.
    var trail: [StageID: GraphTrail] = [:]
    /// The stages that stand out, see ``GraphHighlight``.
    var highlight: GraphHighlight?
    /// Which stages are listed.
    var filter = StageFilter()
    var order = StageOrder.state
    /// The stages that were found last.
    var search: StageSearch?
    var tab = InspectorTab.facts
    var inspectorScroll = 0
    /// The number of columns by which wide pages of the inspector are scrolled to the left.
    var inspectorShift = 0
    /// What was looked up of the unit that was inspected last.
    var details: UnitDetails?
    var log = LogView()
    var overlay: Overlay? {
        // What was said before a question is not about it.
        didSet { if isAsking, case .confirm = oldValue {} else if isAsking { toast = nil } }
    }
    var toast: Toast?

    /// Whether large pictures are laid out while something else is shown; see ``DashboardLayout/awaited``.
    var laysOutAside = false
    /// Why what is shown is not known to be true any more.
    private(set) var fault: String?
    /// Writes the commands that the user may type next.
    var hint = CommandHint()

    /// Whether the keys that change a run are disabled.
    let isReadOnly: Bool
    let isASCII: Bool
    /// The user's keys.
    var keys = KeyMap()
    /// The time zone of the times shown.
    let zone: TimeZone
    /// Whether this process runs the run, so that leaving needs a decision.
    private(set) var ownsRun: Bool
    /// Whether a process runs the run, or waits for commands to it.
    var isLive: Bool
    /// Whether the dashboard receives clicks and the wheel; otherwise the mouse selects text in the terminal.
    var hasMouse: Bool
    /// The run from which this one was opened, if it was; this one is only looked at.
    private(set) var home: RunID?
    /// Whether that one was going on in this process, which runs one run at a time.
    private var homeGoesOn = false
    /// The short names on the screen that is drawn.
    var shortNames = ScreenNames()
    /// How often what failed had failed before, in words, for the attempts that were looked up.
    var failureWords: [UnitID: FailureWords] = [:]
    private let rememberedList = Remembered<ListKey, [UnitID]>()
    let rememberedHighlight = Remembered<HighlightKey, Set<Int>>()
    let rememberedFilter = Remembered<FilterKey, Set<Int>>()
    let rememberedRail = Remembered<ListKey, RailPane.Rows>()
    let rememberedDigest = Remembered<RunDigest.Key, RunDigest>()
    let rememberedScale = Remembered<RunDigest.Key, TimeScale>()
    let rememberedBlocked = Remembered<BlockedKey, Int>()
    private let rememberedChains = Remembered<Int64, [[Int]]>()
    /// The numbers of warnings and of errors in the log.
    var warnings = 0
    var errors = 0

    init(
        _ run: RunState, now: Moment, rows: Int, columns: Int, isReadOnly: Bool = false, isASCII: Bool = false,
        ownsRun: Bool = true, isLive: Bool = true, hasMouse: Bool = true, zone: TimeZone = .current
    ) {
        self.run = run
        if !isLive, run.status == .running { self.run.markInterrupted() }
        self.isLive = isLive
        self.hasMouse = hasMouse
        graph = GraphModel(run.plan)
        self.now = now
        self.rows = rows
        self.columns = columns
        self.isReadOnly = isReadOnly
        self.isASCII = isASCII
        self.ownsRun = ownsRun
        self.zone = zone
        selection = UnitID(run.plan.stages.first?.id ?? "")
    }

    /// A run that was opened from another one, with the same stage selected.
    ///
    /// `home`: the run that it goes back to.
    init(visiting shown: ShownRun, from: DashboardState, home: RunID, now: Moment) {
        self.init(
            shown.initial, now: now, rows: from.rows, columns: from.columns, isReadOnly: from.isReadOnly,
            isASCII: from.isASCII, ownsRun: false, isLive: shown.isLive, hasMouse: from.hasMouse, zone: from.zone)
        self.home = home
        homeGoesOn = from.ownsRun && from.run.status == .running || from.homeGoesOn
        if run.stage(from.selection.stage) != nil { selection = UnitID(from.selection.stage) }
        (view, order, keys, hint, laysOutAside) = (from.view, from.order, from.keys, from.hint, from.laysOutAside)
        say("\(keys.key("quit", "q")) goes back to run \(home)")
    }

    /// How often the failure of an attempt was seen before.
    struct FailureWords: Equatable {
        var attempt: Int
        /// nil where nothing is known.
        var words: String?
    }

    /// The selected unit, where it has failed and was not looked up yet.
    var unknownFailure: (id: UnitID, unit: UnitState)? {
        guard let unit = run.unit(selection), unit.status == .failed, let attempt = unit.attempts.last,
            failureWords[selection]?.attempt != attempt.number
        else { return nil }
        return (selection, unit)
    }

    // MARK: - Selection

    /// The position of the selected stage in the plan.
    var selectedIndex: Int? { run.plan.index(of: selection.stage) }

    /// The selected stage.
    var selectedStage: StageState? { run.stage(selection.stage) }

    /// What the rows of the list depend on.
    struct ListKey: Hashable {
        let sequence: Int64
        let order: StageOrder
        let filter: String
        let unfolded: Set<StageID>
        let second: Int64
    }

    /// What the lines of the rail depend on, which has an order of its own.
    var railKey: ListKey {
        ListKey(
            sequence: run.lastSequence, order: .file, filter: filter.text, unfolded: unfolded,
            second: filter.text.contains("slow") ? now.steady / 1000 : 0)
    }

    /// The rows of the list of stages, in order: stages, and the items of unfolded fan-outs.
    var listed: [UnitID] {
        let key = ListKey(
            sequence: run.lastSequence, order: order, filter: filter.text, unfolded: unfolded,
            // Durations change the order, and what is slow, while the run goes on.
            second: order == .time || filter.text.contains("slow") ? now.steady / 1000 : 0)
        return rememberedList.value(for: key) {
            orderedStages.flatMap { index -> [UnitID] in
                let stage = run.stages[index]
                if !filter.isEmpty, !filter.matches(index, self) { return [] }
                guard unfolded.contains(stage.id), stage.hasItems else { return [UnitID(stage.id)] }
                return [UnitID(stage.id)] + itemsWorstFirst(stage)
            }
        }
    }

    /// The items of a fan-out, worst first, so that one failure among thousands is at the top.
    func itemsWorstFirst(_ stage: StageState) -> [UnitID] {
        stage.items.enumerated().sorted { a, b in
            let (x, y) = (Self.urgency(a.element.unit.status), Self.urgency(b.element.unit.status))
            return x != y ? x < y : a.offset < b.offset
        }.map { UnitID(stage.id, $0.element.item.key) }
    }

    private var orderedStages: [Int] {
        switch order {
        case .file: return Array(run.stages.indices)
        case .state:
            // A failure that is allowed comes behind those by which the run failed, and behind what they block.
            let urgencies = run.stages.indices.map { index in
                let status = run.stages[index].status
                let isAllowed = status == .failed && run.plan.stages[index].allowsFailure
                return Self.urgency(isAllowed ? .blocked : status) * 2 + (isAllowed ? 1 : 0)
            }
            return run.stages.indices.sorted { a, b in
                urgencies[a] != urgencies[b] ? urgencies[a] < urgencies[b] : a < b
            }
        case .time:
            let times = run.stages.map { elapsed(UnitID($0.id)) ?? .seconds(-1) }
            return run.stages.indices.sorted { a, b in times[a] != times[b] ? times[a] > times[b] : a < b
            }
        }
    }

    /// The sort key of a status: what needs attention comes first.
    static func urgency(_ status: UnitStatus) -> Int {
        switch status {
        case .failed: 0
        case .blocked: 1
        case .retrying: 2
        case .running: 3
        case .queued: 4
        case .pending: 5
        case .cancelled: 6
        case .skipped: 7
        case .succeeded: 8
        case .reused: 9
        }
    }

    /// The worst of the statuses of some stages.
    func worstStatus(of stages: [Int]) -> UnitStatus {
        let statuses = digest.statuses
        return stages.map { statuses[$0] }.min { Self.urgency($0) < Self.urgency($1) } ?? .pending
    }

    /// Whether a stage is dimmed, because others are highlighted.
    func isDimmed(_ stage: StageID) -> Bool {
        guard highlight != nil, let highlighted = highlightedStages,
            let index = run.plan.index(of: stage)
        else {
            return false
        }
        return !highlighted.contains(index)
    }

    /// The duration of a stage or item so far; nil if it has not started.
    func elapsed(_ id: UnitID) -> Duration? {
        let clock = run.clock(now)
        return id.item == nil ? run.stage(id.stage)?.took(now: clock) : run.unit(id)?.took(now: clock)
    }

    /// Whether anything on the screen moves without input, so that it must be redrawn continually.
    var isMoving: Bool {
        run.status == .running && fault == nil && (run.openAttempts > 0 || digest.counts[.retrying, default: 0] > 0)
    }

    /// Why the user cannot steer the run; nil if they can.
    var steeringRefusal: String? {
        if let fault, !ownsRun { return fault }
        if replay != nil { return "a replay changes nothing; \(keys.key("quit", "q")) leaves it" }
        if let home, homeGoesOn, !isLive {
            return "run \(home) goes on in this process; reopen this one with: \(hint("watch \(run.id)"))"
        }
        if isReadOnly { return "this dashboard is read-only" }
        return run.status == .interrupted
            ? "the run's process died; continue it with: \(hint("resume \(run.id)"))" : nil
    }

    /// Why the user cannot change the pipeline file from here; nil if they can.
    var editRefusal: String? { replay != nil || isReadOnly ? steeringRefusal : nil }

    /// Whether the run has ended in this process, which still takes commands to it and can reopen it.
    var isOpenHere: Bool { ownsRun && isLive && run.status != .running }

    /// Shows the run as it is at the present position of the replay.
    mutating func showReplay() {
        guard let replay else { return }
        let hasChanged = run.lastSequence != replay.run.lastSequence
        (now, frame) = (replay.time, frame + (replay.isPaused ? 0 : 1))
        guard hasChanged else { return }
        let isSamePlan = run.plan == replay.run.plan
        run = replay.run
        if !isSamePlan { graph = GraphModel(run.plan) }
        if run.stage(selection.stage) == nil { selection = UnitID(run.plan.stages.first?.id ?? "") }
    }

    /// Keeps what is shown as the last that is known.
    ///
    /// - Parameter hasEnded: Whether nothing that this process could ask would do anything any more.
    mutating func lose(_ error: StoreError, hasEnded: Bool) {
        fault = error.description
        if hasEnded { (ownsRun, isLive) = (false, false) }
    }

    /// Continues with the reopened run; keeps the selection and the scroll positions.
    mutating func follow(_ shown: ShownRun) {
        run = shown.initial
        graph = GraphModel(run.plan)
        (ownsRun, isLive, home, notice, toast, fault) = (shown.isOwn, shown.isLive, nil, nil, nil, nil)
        if run.stage(selection.stage) == nil { selection = UnitID(run.plan.stages.first?.id ?? "") }
    }

    /// Returns from the inspector to the previous pane.
    mutating func leaveInspector() {
        showsInspector = false
        focus = .graph
    }

    mutating func select(_ id: UnitID) {
        if id != selection { (inspectorScroll, inspectorShift) = (0, 0) }
        selection = id
    }

    /// Shows stages that are further away, or nearer if `step` is negative, in the focus.
    mutating func changeHops(_ step: Int) {
        if case .focus(_, let shown) = DashboardLayout(self).drawing?.kind { hops = shown }
        (hops, choosesHops) = (max(1, min(6, hops + step)), true)
        say("focus: \(hops.counted("hop")) around \(selection.stage)")
    }

    /// Lists only the stages that fit what the user types.
    mutating func filterStages(_ text: String) {
        filter = StageFilter(text)
        let rows = listed
        if let first = rows.first, !rows.contains(selection) { select(first) }
    }

    /// Unfolds or folds what is selected: the items of a fan-out, a group in the grouped view, a chain in the picture.
    mutating func foldSelection() {
        let stage = selection.stage
        if run.stage(stage)?.hasItems == true {
            unfolded.formSymmetricDifference([stage])
            if !unfolded.contains(stage) { select(UnitID(stage)) }
            return
        }
        guard let index = selectedIndex else { return }
        if view == .groups, let group = graph.groups[index] {
            openGroups.formSymmetricDifference([group])
        } else if let chain = finishedChains.first(where: { $0.contains(index) }) {
            openChains.formSymmetricDifference([run.plan.stages[chain[0]].id])
        }
    }

    /// Chains of stages that have succeeded, which the picture folds.
    var finishedChains: [[Int]] {
        rememberedChains.value(for: run.lastSequence) {
            GraphScene.chains(graph.upstream, graph.downstream) { stage in
                !run.stages[stage].hasItems && [.succeeded, .reused].contains(run.stages[stage].status)
            }
        }
    }

    /// The chains that the picture shows in one place.
    var foldedChains: [[Int]] {
        finishedChains.filter { !openChains.contains(run.plan.stages[$0[0]].id) }
    }

    /// Switches to the next view of the graph.
    mutating func changeView() {
        view = view.next
        say("graph view: \(view.rawValue)")
    }

    /// Whether a question is open.
    var isAsking: Bool { if case .confirm = overlay { true } else { false } }

    /// The present message of the footer: a toast that has not expired, otherwise the notice.
    var standingToast: Toast? {
        toast.flatMap { (replay == nil ? $0.until.steady > now.steady : $0.left > 0) ? $0 : nil } ?? notice
    }
    /// A message that stays until the next notice; a toast covers it.
    var notice: Toast?

    /// Shows a notice about the run.
    mutating func show(_ notice: EventHub.Notice) {
        self.notice = nil
        if notice.isStanding {
            self.notice = Toast(text: notice.text, style: .wait, until: now)
        } else {
            say(notice.text, .wait)
        }
    }

    /// Shows that pasted text was ignored.
    mutating func sayPasted() { say(KeyIntake.ignoredPaste, .wait) }

    mutating func say(_ text: String, _ style: Style = .plain) {
        toast = Toast(text: text, style: style, until: Moment(wall: now.wall, steady: now.steady + 5000))
    }
}

extension CaseIterable where Self: Equatable {
    /// The next case; after the last one, the first.
    var next: Self {
        let all = Array(Self.allCases)
        return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
    }
}
