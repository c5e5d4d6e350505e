import CaudalModel
import Engine
import Foundation

/// Everything that the list of pipelines and runs shows.
struct HomeState: ScreenState {
    /// A line that the user can select.
    enum Row: Hashable {
        case pipeline(String)
        case run(RunID)
    }

    /// A question to confirm something before it is done.
    struct Question {
        var title: String
        var lines: [String]
        var effect: HomeEffect
        /// The values for the run; empty where the pipeline has no parameters.
        var form = ParameterForm([], zone: .gmt)
        /// The runs of the pipeline before, newest first.
        var runs: [RunSummary] = []
        /// Whether yes is chosen; initially it is no.
        var isYes = false

        /// How long it should take with the values of the form.
        func estimate(now: Moment) -> String? {
            let like = RunLikeness(parameters: form.recorded(now: now), environment: nil)
            return runs.usual(like: like).map { "Should take: \($0.duration.short), as in \($0.basis)" }
        }
    }

    var overview = ProjectOverview()
    /// The project root.
    let root: String
    var now: Moment
    var rows: Int
    var columns: Int
    let isASCII: Bool
    let isReadOnly: Bool
    var selection: Row?
    /// In which times are shown.
    var zone = TimeZone.current
    /// Only lines that match these words are shown.
    var filter = ""
    /// Whether the user is typing the filter.
    var isTyping = false
    var question: Question?
    /// The dashboard of a run whose question is asked over the list, before the run is reopened.
    var asking: DashboardState?
    /// The number of lines scrolled past in the help; nil while it is closed.
    var helpScroll: Int?
    /// The keys that the user has given to actions.
    var keys = KeyMap()
    /// Whether the list receives clicks and the wheel; see ``DashboardState/hasMouse``.
    var hasMouse = true
    var toast: DashboardState.Toast?

    init(root: String, now: Moment, rows: Int, columns: Int, isASCII: Bool = false, isReadOnly: Bool = false) {
        (self.root, self.now, self.rows, self.columns) = (root, now, rows, columns)
        (self.isASCII, self.isReadOnly) = (isASCII, isReadOnly)
    }

    /// The pipelines that match the filter: those that need attention first, the newest of them at the top, then those that
    /// run, then the others by their names.
    var pipelines: [ProjectOverview.Pipeline] {
        let filter = HomeFilter(filter, zone: zone)
        let fitting = overview.pipelines.filter { filter.fits($0) }
        return fitting.enumerated().sorted { a, b in
            let (x, y) = (a.element.urgency, b.element.urgency)
            if x != y { return x < y }
            let (p, q) = (a.element.current?.started ?? .max, b.element.current?.started ?? .max)
            return x == .attention && p != q ? p > q : a.offset < b.offset
        }.map(\.element)
    }

    /// The runs that match the filter.
    var runs: [RunSummary] {
        let filter = HomeFilter(filter, zone: zone)
        return overview.runs.filter { filter.fits($0) }
    }

    /// All lines that the user can select, from the top.
    var listed: [Row] { pipelines.map { .pipeline($0.file) } + runs.map { .run($0.id) } }

    /// The selected line; if it does not exist any more or does not match the filter, the first one of its list, or else of all.
    var selected: Row? {
        let listed = listed
        if let selection, listed.contains(selection) { return selection }
        if case .run = selection, let first = runs.first { return .run(first.id) }
        return listed.first
    }

    /// The pipeline of the selected line, or of the selected run.
    var selectedPipeline: ProjectOverview.Pipeline? {
        switch selected {
        case .pipeline(let file): return overview.pipelines.first { $0.file == file }
        case .run(let id):
            let name = overview.runs.first { $0.id == id }?.pipeline
            return overview.pipelines.first { $0.name == name }
        case nil: return nil
        }
    }

    /// Whether a question is open.
    var isAsking: Bool { question != nil || asking != nil }

    /// A toast that has not expired.
    var standingToast: DashboardState.Toast? { toast.flatMap { $0.until.steady > now.steady ? $0 : nil } }

    /// Why the user cannot start or steer runs; nil if they can.
    var steeringRefusal: String? { isReadOnly ? "this screen is read-only" : nil }

    mutating func move(_ step: Int) {
        let listed = listed
        guard let place = selected.flatMap(listed.firstIndex(of:)) else { return }
        selection = listed[max(0, min(listed.count - 1, place + step))]
    }

    /// Selects the first or the last line of the list that the selected line is in.
    mutating func move(toLast: Bool) {
        switch selected {
        case .pipeline: selection = (toLast ? pipelines.last : pipelines.first).map { .pipeline($0.file) }
        case .run: selection = (toLast ? runs.last : runs.first).map { .run($0.id) }
        case nil: break
        }
    }

    mutating func scrollHelp(_ step: Int) {
        // A box that is scrolled to its end goes back at once.
        let most = max(0, HomeScreen.helpLines(self).count - OverlayPane.helpHeight(rows))
        helpScroll = helpScroll.map { max(0, min($0 + step, most)) }
    }

    /// Switches between the pipelines and the runs.
    mutating func changeList() {
        switch selected {
        case .pipeline: selection = runs.first.map { .run($0.id) } ?? selection
        case .run: selection = pipelines.first.map { .pipeline($0.file) } ?? selection
        case nil: break
        }
    }

    mutating func say(_ text: String, _ style: Style = .plain) {
        toast = .init(text: text, style: style, until: Moment(wall: now.wall, steady: now.steady + 5000))
    }
}

/// Work that the list needs done outside of its reducer.
enum HomeEffect: Equatable {
    /// Show a run.
    case open(RunID)
    /// Run a pipeline file with parameters, each as `name=value`.
    case run(String, parameters: [String] = [])
    /// Run a pipeline as a schedule of it would.
    case runScheduled(ScheduleKey)
    /// Keep schedules from firing, or let them fire again.
    case pause([ScheduleKey], Bool)
    /// Reopen a run that is not live, and send it the command; nil resumes an interrupted one.
    case reopen(RunID, RunCommand?, agreed: ReopenAgreement)
    /// Preview what the answers to a question about a run would do; the result goes to
    /// ``HomeReducer/ask(_:of:isLive:_:)``.
    case prepare(RunID, ConfirmationRequest)
    /// Send a command to a live run.
    case ask(RunID, RunCommand)
    case redraw
    case suspend
    case mouse(Bool)
    case quit
}

/// Changes the list's state: decides what a key means.
struct HomeReducer: ScreenReducer {
    typealias State = HomeState
    typealias Effect = HomeEffect

    /// Processes a key.
    ///
    /// - Returns: Work to do outside of the reducer.
    func press(_ key: Key, _ state: inout HomeState) -> [HomeEffect] {
        if !state.isAsking, state.helpScroll == nil, state.isTyping {
            switch key {
            case .character(let character):
                state.filter.append(character)
                return []
            case .paste(let text):
                state.filter += text
                return []
            case .line(let text): return press(.paste(text), &state) + press(.enter, &state)
            default: break
            }
        }
        if state.question?.form.place != nil {
            switch key {
            case .character(let character):
                state.question?.form.type(String(character))
                return []
            case .paste(let text):
                state.question?.form.type(text.filter { !$0.isNewline })
                return []
            default: break
            }
        }
        switch key {
        case .paste where state.asking == nil, .line where state.asking == nil:
            state.say(KeyIntake.ignoredPaste, .wait)
            return []
        default: break
        }
        if let effects = press(key, in: HomeKeys.bindings(state), &state) { return effects }
        if state.helpScroll != nil {
            switch key {
            case .wheelDown: state.scrollHelp(3)
            case .wheelUp: state.scrollHelp(-3)
            default: state.helpScroll = nil
            }
        } else if let asking = state.asking {
            return answer(key, asking, &state)
        } else if state.question == nil, !state.isTyping {
            switch key {
            case .wheelDown: state.move(1)
            case .wheelUp: state.move(-1)
            default: break
            }
        }
        return []
    }

    func enter(_ state: inout HomeState) -> [HomeEffect] {
        switch state.selected {
        case .run(let id): return [.open(id)]
        case .pipeline(let file):
            if let pipeline = state.pipelines.first(where: { $0.file == file }) { askToRun(pipeline, &state) }
            return []
        case nil: return []
        }
    }

    private func askToRun(_ pipeline: ProjectOverview.Pipeline, _ state: inout HomeState) {
        if let refusal = state.steeringRefusal { return state.say(refusal, .wait) }
        if let fault = pipeline.fault {
            return state.say("\(pipeline.file): \(fault) — see all with: caudal validate \(pipeline.file)", .bad)
        }
        var lines = ["File:        \(pipeline.file)"]
        if let count = pipeline.stageCount { lines.append("Stages:      \(count)") }
        if let live = pipeline.runs.first(where: { $0.trueStatus == .running }) {
            lines += ["It is already running: \(live.id).", "This would be a second run at the same time."]
        }
        state.question = .init(
            title: "Run \(pipeline.name)?", lines: lines, effect: .run(pipeline.file),
            form: ParameterForm(pipeline.parameters, secrets: pipeline.secretNames, zone: pipeline.timeZone),
            runs: pipeline.runs)
    }

    // MARK: - Schedules

    /// The selected pipeline, if it has schedules; else says why nothing can be done.
    private func scheduled(_ state: inout HomeState) -> ProjectOverview.Pipeline? {
        if let refusal = state.steeringRefusal {
            state.say(refusal, .wait)
            return nil
        }
        guard let pipeline = state.selectedPipeline else {
            state.say("select a pipeline first", .wait)
            return nil
        }
        if pipeline.schedules.isEmpty {
            state.say("\(pipeline.name) has no schedule", .wait)
            return nil
        }
        return pipeline
    }

    /// Asks whether the schedules of a pipeline are to be paused, or resumed where all are paused.
    func pause(_ state: inout HomeState) {
        guard let pipeline = scheduled(&state) else { return }
        let paused = pipeline.schedules.filter { $0.pause != nil }
        let isPausing = paused.count < pipeline.schedules.count
        let concerned = isPausing ? pipeline.schedules.filter { $0.pause == nil } : paused
        let names = concerned.map(\.key.description).formattedAsList
        state.question = .init(
            title: isPausing ? "Pause \(names)?" : "Resume \(names)?",
            lines: isPausing
                ? ["Slots are skipped until it is resumed.", "Live runs continue."]
                : concerned.map { entry in
                    let reason = entry.pause?.reason ?? ""
                    let since = entry.pause.map { HomeScreen.ago($0.from, state.now) } ?? ""
                    return "Paused \(since) by \(entry.pause?.by ?? "?")" + (reason.isEmpty ? "" : ": \(reason)")
                }, effect: .pause(concerned.map(\.key), isPausing))
    }

    /// Asks whether a pipeline is to run now as its schedule would.
    func runScheduled(_ state: inout HomeState) {
        guard let pipeline = scheduled(&state), let entry = pipeline.nextSchedule else { return }
        var lines = ["With the parameters and the environment of its schedule '\(entry.key.schedule)'."]
        if let pause = entry.pause {
            lines.append("The schedule stays paused\(pause.reason.isEmpty ? "" : ": \(pause.reason)").")
        } else if let next = entry.next {
            let time = ScheduleWords(entry).distance(to: next, now: state.now.wall)
            lines.append(
                state.overview.scheduler == nil
                    ? "Its next slot is \(time), and no scheduler runs: start one with 'caudal schedule'."
                    : "Its next slot, \(time), runs all the same.")
        }
        let others = pipeline.schedules.filter { $0.key != entry.key }.map { "'\($0.key.schedule)'" }
        if !others.isEmpty {
            lines.append("Also: \(others.formattedAsList), by caudal schedule run-now \(pipeline.name) NAME.")
        }
        if let live = pipeline.runs.first(where: { $0.trueStatus == .running }) {
            lines.append("It is already running: \(live.id).")
        }
        state.question = .init(title: "Run \(entry.key) now?", lines: lines, effect: .runScheduled(entry.key))
    }

    func retry(_ state: inout HomeState) -> [HomeEffect] {
        var run: RunSummary?
        switch state.selected {
        case .run(let id): run = state.runs.first { $0.id == id }
        case .pipeline(let file): run = state.pipelines.first { $0.file == file }?.runs.first
        case nil: break
        }
        guard let run else {
            state.say("there is no run to retry", .wait)
            return []
        }
        func prepare(_ title: String, _ label: String, _ command: RunCommand?) -> [HomeEffect] {
            [.prepare(run.id, ConfirmationRequest(title: title, answers: [.init(label: label, command: command)]))]
        }
        switch run.trueStatus {
        case .succeeded:
            state.say("\(run.id) has succeeded; press enter on the pipeline to run it again", .good)
            return []
        case .running: return prepare("Retry what failed in the running \(run.pipeline)?", "Retry", .retryFailed)
        case .failed, .cancelled:
            return prepare("Retry everything that failed in \(run.pipeline)?", "Retry", .retryFailed)
        case .interrupted: return prepare("Resume the interrupted \(run.pipeline)?", "Resume", nil)
        }
    }

    /// Asks the same question as the dashboard of a run: what reruns, what it overwrites, and the names of stages that
    /// are unsafe to run twice.
    func ask(_ outcome: ConfirmationBuilder.Outcome, of run: RunState, isLive: Bool, _ state: inout HomeState) {
        switch outcome {
        case .refusal(let text, let style): state.say(text, style)
        case .question(let question):
            var dashboard = DashboardState(
                run, now: state.now, rows: state.rows, columns: state.columns, isASCII: state.isASCII, ownsRun: false,
                isLive: isLive)
            dashboard.overlay = .confirm(question)
            state.asking = dashboard
        }
    }

    /// Passes a key to the dashboard's question.
    private func answer(_ key: Key, _ asking: DashboardState, _ state: inout HomeState) -> [HomeEffect] {
        var asking = asking
        (asking.rows, asking.columns, asking.now, asking.toast) = (state.rows, state.columns, state.now, nil)
        let effects = DashboardReducer(lines: LogLineList()).reduce(&asking, .key(key))
        state.asking = asking.overlay == nil ? nil : asking
        if let toast = asking.toast { state.toast = toast }
        switch effects.first {
        case .send(let command): return [.ask(asking.run.id, command)]
        case .reopen(let command, let agreed): return [.reopen(asking.run.id, command, agreed: agreed)]
        default: return []
        }
    }

    /// Carries out the chosen answer.
    func accept(_ state: inout HomeState) -> [HomeEffect] {
        guard let question = state.question else { return [] }
        if question.form.place != nil {
            // Enter goes on to the next field, and behind the last one to the answers.
            state.question?.form.move(1)
            if state.question?.form.place == nil { state.question?.isYes = true }
            return []
        }
        if question.isYes, let fault = question.form.firstFault(now: state.now) {
            state.question?.form.go(to: fault.place)
            state.say(fault.text, .bad)
            return []
        }
        state.question = nil
        guard question.isYes else { return [] }
        if case .run(let file, _) = question.effect { return [.run(file, parameters: question.form.arguments)] }
        return [question.effect]
    }
}
