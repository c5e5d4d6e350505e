import Engine

/// Everything the list of pipelines and runs shows, as a value.
struct HomeState {
    /// A line that can be selected.
    enum Row: Hashable {
        case pipeline(String)
        case run(RunID)
    }

    /// A question before something is done.
    struct Question {
        var title: String
        var lines: [String]
        var effect: HomeEffect
        /// Whether yes is chosen; no is chosen at first.
        var isYes = false
    }

    var overview = ProjectOverview()
    /// The project's folder.
    let root: String
    var now: Moment
    var rows: Int
    var columns: Int
    let isASCII: Bool
    let isReadOnly: Bool
    var selection: Row?
    /// Only lines that hold this text are shown.
    var filter = ""
    /// Whether the filter is being typed.
    var isTyping = false
    var question: Question?
    /// What is asked before a run is taken up again: the dashboard's own question, of that run.
    var asking: DashboardState?
    var showsHelp = false
    /// Whether clicks and the wheel come here; see ``DashboardState/hasMouse``.
    var hasMouse = true
    var toast: DashboardState.Toast?

    init(root: String, now: Moment, rows: Int, columns: Int, isASCII: Bool = false, isReadOnly: Bool = false) {
        (self.root, self.now, self.rows, self.columns) = (root, now, rows, columns)
        (self.isASCII, self.isReadOnly) = (isASCII, isReadOnly)
    }

    /// The pipelines that pass the filter.
    var pipelines: [ProjectOverview.Pipeline] {
        overview.pipelines.filter { passes([$0.name, $0.file, $0.runs.first?.trueStatus.rawValue ?? "never run"]) }
    }

    /// The runs that pass the filter.
    var runs: [RunSummary] {
        overview.runs.filter { passes([$0.id.rawValue, $0.pipeline, $0.trueStatus.rawValue, $0.trigger]) }
    }

    private func passes(_ texts: [String]) -> Bool {
        if filter.isEmpty { return true }
        let words = filter.lowercased().split(separator: " ")
        return words.allSatisfy { word in texts.contains { $0.lowercased().contains(word) } }
    }

    /// Everything that can be selected, from the top.
    var listed: [Row] { pipelines.map { .pipeline($0.file) } + runs.map { .run($0.id) } }

    /// The line that is selected; the first one when the chosen one has gone.
    var selected: Row? {
        let listed = listed
        return selection.flatMap { listed.contains($0) ? $0 : nil } ?? listed.first
    }

    /// Whether a question is open.
    var isAsking: Bool { question != nil || asking != nil }

    /// The text of a toast that still stands.
    var standingToast: DashboardState.Toast? { toast.flatMap { $0.until.steady > now.steady ? $0 : nil } }

    mutating func say(_ text: String, _ style: Style = .plain) {
        toast = .init(text: text, style: style, until: Moment(wall: now.wall, steady: now.steady + 5000))
    }
}

/// What the list wants done outside of itself.
enum HomeEffect: Equatable {
    /// Show a run.
    case open(RunID)
    /// Run a pipeline file.
    case run(String)
    /// Take a run up that no process runs, and ask that of it; nil only goes on with one whose process died.
    case takeUp(RunID, RunCommand?, agreed: Agreement)
    /// Ask a live run to run again what failed.
    case ask(RunID, RunCommand)
    case redraw
    case suspend
    case mouse(Bool)
    case quit
}

/// Changes the list's state: what a key means.
struct HomeReducer {
    /// A run as it stands.
    struct OpenedRun {
        let run: RunState
        /// Whether a process runs it.
        let isLive: Bool
        /// Finds out what taking it up again comes to.
        let reopening: (RunState) throws -> Reopening
    }

    /// Reads a run that somebody wants to do something about; nil when there is none any more.
    var open: (RunID) throws -> OpenedRun? = { _ in nil }

    /// Takes a key in.
    ///
    /// - Returns: What has to be done outside.
    func press(_ key: Key, _ state: inout HomeState) -> HomeEffect? {
        switch key {
        case .control("l"): return .redraw
        case .control("z"): return .suspend
        case .control("c"): return .quit
        default: break
        }
        if case .paste = key, !state.isTyping, state.asking == nil {
            state.say(KeyIntake.ignoredPaste, .wait)
            return nil
        }
        if state.showsHelp {
            state.showsHelp = false
            return nil
        }
        if let asking = state.asking { return answer(key, asking, &state) }
        if let question = state.question { return answer(key, question, &state) }
        if state.isTyping {
            type(key, &state)
            return nil
        }
        return inList(key, &state)
    }

    private func inList(_ key: Key, _ state: inout HomeState) -> HomeEffect? {
        switch key {
        case .character("q"): return .quit
        case .character("?"): state.showsHelp = true
        case .down, .character("j"), .wheelDown: move(1, &state)
        case .up, .character("k"), .wheelUp: move(-1, &state)
        case .pageDown, .control("d"): move(10, &state)
        case .pageUp, .control("u"): move(-10, &state)
        case .home, .character("g"): move(-state.listed.count, &state)
        case .end, .character("G"): move(state.listed.count, &state)
        case .tab, .backTab: changeList(&state)
        case .character("/"): state.isTyping = true
        case .escape: state.filter = ""
        case .enter: return enter(&state)
        case .character("r"): retry(&state)
        case .character("M"):
            state.hasMouse.toggle()
            state.say(
                state.hasMouse ? "the mouse scrolls here again" : "the mouse selects text now; M takes it back")
            return .mouse(state.hasMouse)
        default: break
        }
        return nil
    }

    private func type(_ key: Key, _ state: inout HomeState) {
        switch key {
        case .escape:
            state.filter = ""
            state.isTyping = false
        case .enter: state.isTyping = false
        case .down: move(1, &state)
        case .up: move(-1, &state)
        case .backspace: if !state.filter.isEmpty { state.filter.removeLast() }
        case .character(let character): state.filter.append(character)
        case .paste(let text): state.filter += text
        default: break
        }
    }

    private func move(_ step: Int, _ state: inout HomeState) {
        let listed = state.listed
        guard let place = state.selected.flatMap(listed.firstIndex(of:)) else { return }
        state.selection = listed[max(0, min(listed.count - 1, place + step))]
    }

    /// From the pipelines to the runs and back.
    private func changeList(_ state: inout HomeState) {
        switch state.selected {
        case .pipeline: state.selection = state.runs.first.map { .run($0.id) } ?? state.selection
        case .run: state.selection = state.pipelines.first.map { .pipeline($0.file) } ?? state.selection
        case nil: break
        }
    }

    private func enter(_ state: inout HomeState) -> HomeEffect? {
        switch state.selected {
        case .run(let id): return .open(id)
        case .pipeline(let file):
            guard let pipeline = state.pipelines.first(where: { $0.file == file }) else { return nil }
            askToRun(pipeline, &state)
            return nil
        case nil: return nil
        }
    }

    private func askToRun(_ pipeline: ProjectOverview.Pipeline, _ state: inout HomeState) {
        guard allowed(&state) else { return }
        if let fault = pipeline.fault {
            return state.say("\(pipeline.file): \(fault) — see all with: caudal validate \(pipeline.file)", .bad)
        }
        var lines = ["File:        \(pipeline.file)"]
        if let count = pipeline.stageCount { lines.append("Stages:      \(count)") }
        if let usual = pipeline.usual { lines.append("Should take: \(usual.short), as in past runs") }
        if let live = pipeline.runs.first(where: { $0.trueStatus == .running }) {
            lines += ["It is running already: \(live.id).", "This would be a second run at the same time."]
        }
        state.question = .init(title: "Run \(pipeline.name)?", lines: lines, effect: .run(pipeline.file))
    }

    private func retry(_ state: inout HomeState) {
        guard allowed(&state) else { return }
        var run: RunSummary?
        switch state.selected {
        case .run(let id): run = state.runs.first { $0.id == id }
        case .pipeline(let file): run = state.pipelines.first { $0.file == file }?.runs.first
        case nil: break
        }
        guard let run else { return state.say("there is no run to retry", .wait) }
        switch run.trueStatus {
        case .succeeded: state.say("\(run.id) succeeded; enter on the pipeline runs it again", .good)
        case .running: ask("Retry what failed in the running \(run.pipeline)?", .retryFailed, run.id, &state)
        case .failed, .cancelled: ask("Retry everything that failed in \(run.pipeline)?", .retryFailed, run.id, &state)
        case .interrupted: ask("Go on with the interrupted \(run.pipeline)?", nil, run.id, &state)
        }
    }

    /// Asks what the dashboard of the run asks: what runs again, what it writes over, and the names of stages that do
    /// harm when they run twice.
    private func ask(_ title: String, _ command: RunCommand?, _ id: RunID, _ state: inout HomeState) {
        do {
            guard let opened = try open(id) else { return state.say("run \(id) is gone", .wait) }
            var dashboard = DashboardState(
                opened.run, now: state.now, rows: state.rows, columns: state.columns, isASCII: state.isASCII,
                ownsRun: false, isLive: opened.isLive)
            let reducer = Self.dashboard(of: opened.run, opened.reopening)
            if let command {
                reducer.ask(title, [("Retry", command)], &dashboard)
            } else {
                try reducer.askToResume(title, &dashboard)
            }
            if dashboard.overlay != nil {
                state.asking = dashboard
            } else {
                state.toast = dashboard.toast
            }
        } catch {
            state.say(Output.oneLine(error), .bad)
        }
    }

    private static func dashboard(
        of run: RunState, _ reopening: @escaping (RunState) throws -> Reopening
    ) -> DashboardReducer {
        DashboardReducer(lines: LogLineList(), files: OutputFiles.finder(in: run.plan.root), reopening: reopening)
    }

    /// Lets the dashboard's question take a key.
    private func answer(_ key: Key, _ asking: DashboardState, _ state: inout HomeState) -> HomeEffect? {
        var asking = asking
        (asking.rows, asking.columns, asking.now, asking.toast) = (state.rows, state.columns, state.now, nil)
        let reducer = Self.dashboard(of: asking.run) { Reopening(state: $0, file: $0.plan.file, change: nil) }
        let effects = reducer.reduce(&asking, .key(key))
        state.asking = asking.overlay == nil ? nil : asking
        if let toast = asking.toast { state.toast = toast }
        switch effects.first {
        case .send(let command): return .ask(asking.run.id, command)
        case .takeUp(let command, let agreed): return .takeUp(asking.run.id, command, agreed: agreed)
        default: return nil
        }
    }

    private func allowed(_ state: inout HomeState) -> Bool {
        if state.isReadOnly { state.say("this screen is read-only", .wait) }
        return !state.isReadOnly
    }

    private func answer(_ key: Key, _ question: HomeState.Question, _ state: inout HomeState) -> HomeEffect? {
        switch key {
        case .escape, .character("q"), .character("n"): state.question = nil
        case .tab, .backTab, .left, .right, .up, .down, .character("h"), .character("l"):
            state.question?.isYes.toggle()
        case .enter:
            state.question = nil
            return question.isYes ? question.effect : nil
        default: break
        }
        return nil
    }
}
