import Engine
import Foundation

/// Everything the dashboard shows, as a value: keys and events change it, panes draw it.
struct DashboardState: ScreenState {
    /// How the graph is drawn; automatic takes the picture when it fits and the rail otherwise.
    enum GraphView: String, CaseIterable { case automatic, graph, rail }

    /// How the stages are listed.
    enum StageOrder: String, CaseIterable { case state, file, time }

    /// A short message in the footer.
    struct Toast {
        var text: String
        var style: Style
        var until: Moment
    }

    var run: RunState
    var graph: GraphModel
    var now: Moment
    var rows: Int
    var columns: Int
    /// Counts up while something turns.
    var frame = 0

    var focus = Pane.graph
    var zoomed: Pane?
    /// Whether the inspector stands where the log is, on a small screen.
    var showsInspector = false
    var selection: UnitID
    /// The fan-outs whose items are listed.
    var unfolded: Set<StageID> = []
    var view = GraphView.automatic
    var order = StageOrder.state
    var inspectorScroll = 0
    var log = LogView()
    var overlay: Overlay?
    var toast: Toast?

    /// Whether a run is only looked at.
    let isReadOnly: Bool
    let isASCII: Bool
    /// The zone in which times are shown.
    let zone: TimeZone
    /// Whether the run's engine lives in this process, so that leaving is a decision.
    private(set) var ownsRun: Bool
    /// Whether any process runs the run, or waits for what is asked of it.
    var isLive: Bool
    /// Whether clicks and the wheel come here; without it they select text, as the terminal does it.
    var hasMouse: Bool
    /// How many lines of warning and of error the log has.
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

    // MARK: - What is selected

    /// The position of the selected stage in the plan.
    var selectedIndex: Int? { run.plan.index(of: selection.stage) }

    /// The selected stage.
    var selectedStage: StageState? { run.stage(selection.stage) }

    /// The rows of the list of stages, in order: stages, and the items of those that are unfolded.
    var listed: [UnitID] {
        orderedStages.flatMap { stage -> [UnitID] in
            guard unfolded.contains(stage.id), stage.hasItems else { return [UnitID(stage.id)] }
            // Worst first, so that one failure among thousands is at the top.
            let items = stage.items.enumerated().sorted { a, b in
                let (x, y) = (Self.urgency(a.element.unit.status), Self.urgency(b.element.unit.status))
                return x != y ? x < y : a.offset < b.offset
            }
            return [UnitID(stage.id)] + items.map { UnitID(stage.id, $0.element.item.key) }
        }
    }

    private var orderedStages: [StageState] {
        switch order {
        case .file: return run.stages
        case .state:
            return run.stages.enumerated().sorted { a, b in
                let (x, y) = (Self.urgency(a.element.status), Self.urgency(b.element.status))
                return x != y ? x < y : a.offset < b.offset
            }.map(\.element)
        case .time:
            return run.stages.enumerated().sorted { a, b in
                let (x, y) = (
                    elapsed(UnitID(a.element.id)) ?? .seconds(-1), elapsed(UnitID(b.element.id)) ?? .seconds(-1)
                )
                return x != y ? x > y : a.offset < b.offset
            }.map(\.element)
        }
    }

    /// What needs somebody comes first.
    private static func urgency(_ status: UnitStatus) -> Int {
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

    /// How long a stage or item has taken, or is taking; nil when it has not begun.
    func elapsed(_ id: UnitID) -> Duration? {
        let clock = run.clock(now)
        return id.item == nil ? run.stage(id.stage)?.took(now: clock) : run.unit(id)?.took(now: clock)
    }

    /// Whether anything moves by itself, so that the screen must be drawn again and again.
    var isMoving: Bool {
        run.status == .running && (run.openAttempts > 0 || run.stages.contains { $0.status == .retrying })
    }

    /// Why nothing can be asked of the run; nil when something can.
    var steeringRefusal: String? {
        if isReadOnly { return "this dashboard is read-only" }
        return run.status == .interrupted ? "the run's process died; go on with: caudal resume \(run.id)" : nil
    }

    /// Goes on with the run as a process runs it now; what is selected and where one has scrolled to stays.
    mutating func follow(_ shown: ShownRun) {
        run = shown.initial
        graph = GraphModel(run.plan)
        (ownsRun, isLive, notice, toast) = (shown.isOwn, shown.isLive, nil, nil)
        if run.stage(selection.stage) == nil { selection = UnitID(run.plan.stages.first?.id ?? "") }
    }

    /// Goes from the inspector to where one came from.
    mutating func leaveInspector() {
        showsInspector = false
        focus = .graph
    }

    mutating func select(_ id: UnitID) {
        if id != selection { inspectorScroll = 0 }
        selection = id
    }

    /// Selects the next stage that failed, or the one before when `step` is negative.
    mutating func selectFailure(_ step: Int) {
        let failed = run.stages.filter { $0.unit.status == .failed }.map(\.id)
        guard !failed.isEmpty else { return say("nothing has failed", .good) }
        let place = failed.firstIndex(of: selection.stage) ?? (step > 0 ? -1 : failed.count)
        selection = UnitID(failed[(place + step + failed.count) % failed.count])
        inspectorScroll = 0
    }

    /// Lists the items of the selected fan-out, or lists them no more.
    mutating func foldSelection() {
        let stage = selection.stage
        if run.stage(stage)?.hasItems == true { unfolded.formSymmetricDifference([stage]) }
        if !unfolded.contains(stage) { select(UnitID(stage)) }
    }

    /// Draws the graph in the next way.
    mutating func changeView() {
        view = view.next
        say("graph view: \(view.rawValue)")
    }

    /// Whether a question is open.
    var isAsking: Bool { if case .confirm = overlay { true } else { false } }

    /// The text of a toast that still stands.
    var standingToast: Toast? { toast.flatMap { $0.until.steady > now.steady ? $0 : nil } ?? notice }
    /// What holds until the next notice; a toast is shown before it.
    var notice: Toast?

    /// Takes in something that is said of the run.
    mutating func take(_ notice: EventHub.Notice) {
        self.notice = nil
        if notice.isStanding {
            self.notice = Toast(text: notice.text, style: .wait, until: now)
        } else {
            say(notice.text, .wait)
        }
    }

    /// Says that text which was pasted did nothing.
    mutating func sayPasted() { say(KeyIntake.ignoredPaste, .wait) }

    mutating func say(_ text: String, _ style: Style = .plain) {
        toast = Toast(text: text, style: style, until: Moment(wall: now.wall, steady: now.steady + 5000))
    }
}

/// What of the log is shown.
struct LogView {
    /// Only lines of this stage, or item; nil shows all.
    var only: UnitID?
    var level = LogLevel.debug
    /// The numbers of the lines that are shown; nil means every line.
    var matching: [Int]?
    /// How many lines have been looked at for ``matching``.
    var examined = 0
    /// The last line that is shown, by its place among those that match; nil follows the end.
    var bottom: Int?
    /// Columns by which long lines are moved to the left.
    var shift = 0
    /// What is searched for, and the lines that hold it.
    var search = ""
    var hits: [Int] = []
    var searched = 0

    /// Moves the view by some lines, where `page` lines are seen at once; at the end of the log it follows again.
    mutating func scroll(_ step: Int, page: Int, _ lines: any LogLines) {
        let count = count(lines)
        guard count > 0 else { return }
        let bottom = (self.bottom ?? count - 1) + step
        self.bottom = bottom >= count - 1 ? nil : max(min(page, count) - 1, bottom)
    }

    var isFiltered: Bool { only != nil || level > .debug }

    /// How many lines there are to be shown.
    func count(_ lines: any LogLines) -> Int { matching?.count ?? lines.count }

    /// The number of a line by its place among those that are shown.
    func line(at place: Int) -> Int { matching.map { $0[place] } ?? place }

    /// Looks at lines that were not looked at yet.
    mutating func update(_ lines: any LogLines) {
        if isFiltered {
            var matching = self.matching ?? []
            if self.matching == nil { examined = 0 }
            for index in examined..<max(examined, lines.count) where accepts(index, lines) { matching.append(index) }
            self.matching = matching
        } else {
            matching = nil
        }
        examined = lines.count
    }

    private func accepts(_ index: Int, _ lines: any LogLines) -> Bool {
        if lines.level(at: index) < level { return false }
        guard let only else { return true }
        return lines.stage(at: index) == only.stage && (only.item == nil || lines.item(at: index) == only.item)
    }

    /// Begins anew with other lines.
    mutating func refilter(_ lines: any LogLines) {
        matching = nil
        examined = 0
        bottom = nil
        update(lines)
    }

    mutating func search(for text: String) {
        search = text
        hits = []
        searched = 0
    }
}

/// A search in lines of the log that were not searched yet.
struct LogSearch: Equatable {
    let text: String
    /// The first line to be searched.
    let from: Int
    /// Whether somebody waits to be shown what is found.
    var isAwaited = false

    /// The numbers of the lines that hold the text.
    func hits(in lines: any LogLines) -> [Int] {
        let needle = text.lowercased()
        return (from..<max(from, lines.count)).filter {
            lines.record(at: $0)?.message.lowercased().contains(needle) == true
        }
    }
}

/// What lies over the panes.
enum Overlay {
    case help(scroll: Int)
    case confirm(Confirmation)
    /// A line of text that is being typed.
    case prompt(Prompt)
}

/// A question before something is done.
struct Confirmation {
    /// Something that can be chosen.
    struct Choice {
        var label: String
        var effect: DashboardEffect?
        /// What it would bring about.
        var lines: [LabelledLine]
        /// The stages that run again though that does harm: something must be typed before it can be chosen.
        var requires: [StageID] = []

        /// What must be typed: the stage's name, or one word for several.
        var wanted: String? { requires.count > 1 ? "again" : requires.first?.rawValue }
    }

    var title: String
    var choices: [Choice]
    var focus = 0 {
        didSet { if focus != oldValue { (typed, scroll) = ("", 0) } }
    }
    /// How many lines are above what is shown, where not all of them fit.
    var scroll = 0
    /// What has been typed, where something is asked for.
    var typed = ""

    var chosen: Choice { choices[focus] }

    /// What is to be typed for the focused choice, if anything is.
    var wanted: String? { chosen.wanted }

    /// Whether the focused choice may be made.
    var isAllowed: Bool { wanted == nil || wanted == typed }
}

extension DashboardState {
    /// Adds to the text that is being typed.
    ///
    /// - Returns: Whether any is.
    mutating func type(_ text: String) -> Bool {
        switch overlay {
        case .prompt(var prompt):
            prompt.text += text
            overlay = .prompt(prompt)
        case .confirm(let question) where question.wanted != nil: changeQuestion { $0.typed += text }
        case .confirm, .help, nil: return false
        }
        return true
    }

    /// Takes the last letter of the text that is being typed back.
    mutating func takeBackLetter() {
        switch overlay {
        case .prompt(var prompt):
            prompt.text = String(prompt.text.dropLast())
            overlay = .prompt(prompt)
        case .confirm: changeQuestion { $0.typed = String($0.typed.dropLast()) }
        case .help, nil: break
        }
    }

    mutating func changeQuestion(_ change: (inout Confirmation) -> Void) {
        guard case .confirm(var question) = overlay else { return }
        change(&question)
        overlay = .confirm(question)
    }

    /// Shows what of the question did not fit, a page further down, or up when `pages` is negative.
    mutating func scrollQuestion(_ pages: Int) {
        // No more lines than a question shows that does not fit.
        let page = max(2, rows - 12)
        changeQuestion { $0.scroll = max(0, $0.scroll + pages * page) }
    }

    mutating func chooseNext(_ step: Int) {
        changeQuestion { $0.focus = ($0.focus + step + $0.choices.count) % $0.choices.count }
    }

    mutating func scrollHelp(_ step: Int) {
        if case .help(let scroll) = overlay { overlay = .help(scroll: max(0, scroll + step)) }
    }
}

extension CaseIterable where Self: Equatable {
    /// The case behind this one, the first behind the last.
    var next: Self {
        let all = Array(Self.allCases)
        return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
    }
}

/// A line of text that is being typed, and what it is for.
struct Prompt {
    var label: String
    var text: String
}

/// What the dashboard wants done outside of itself.
enum DashboardEffect {
    /// Find out what the answers to a question would bring about; the answer is ``DashboardInput/finding(_:)``.
    case look(Inquiry)
    case send(RunCommand)
    /// Take the run up again, which no process runs, and ask that of it; nil only lets it go on. What was agreed to is
    /// not asked again.
    case takeUp(RunCommand?, ReopenAgreement)
    /// Leave; the run goes on in this process, printing lines.
    case detach
    /// Leave; the run has ended or is somebody else's.
    case quit
    /// Cancel the run and leave when it has ended.
    case cancelAndQuit
    case suspend
    case redraw
    case copy(String)
    /// Copy a line of the log.
    case copyLine(Int)
    /// Search the log; the answer is ``DashboardInput/found(_:hits:upTo:)``.
    case find(LogSearch)
    case mouse(Bool)
}

/// What happens to the dashboard.
enum DashboardInput {
    case key(Key)
    case events([RunEvent])
    /// Something was heard of the run.
    case news(RunUpdate)
    /// The log has grown.
    case log
    case tick(Moment)
    case answer(CommandAnswer)
    /// The lines in which a search has found something, before the line `upTo`.
    case found(LogSearch, hits: [Int], upTo: Int)
    /// What came of an inquiry.
    case finding(InquiryReader.Finding)
    case resized(rows: Int, columns: Int)
}
