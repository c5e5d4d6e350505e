import CaudalModel
import Engine

/// The key bindings of the dashboard; a pane defines the bindings that only it has.
enum DashboardKeys {
    typealias Binding = KeyBinding<DashboardReducer>

    /// The bindings that are active now.
    static func bindings(_ state: DashboardState) -> [Binding] {
        switch state.overlay {
        case .help: return always + help
        case .confirm: return always + question
        case .prompt: return always + prompt
        case nil:
            let layout = DashboardLayout(state)
            return always + inEveryPane + layout.kind(of: layout.focus).bindings
        }
    }

    /// All bindings, by the part of the screen where they are active.
    static let all: [(place: String, bindings: [Binding])] =
        [("everywhere", always), ("every pane", inEveryPane)]
        + DashboardState.Pane.allCases.flatMap(\.kinds).map { ($0.title, $0.bindings) } + [
            ("questions", question), ("the search", prompt), ("the help", help),
        ]

    /// Keys that are also active while a box covers the panes.
    static let always = [
        Binding([.control("c")], .app, quitting, action: { $0.quit(&$1) }),
        Binding([.control("l")], .app, "redraw the screen", action: { _, _ in [.redraw] }),
        Binding([.control("z")], .app, "suspend to the shell; fg returns", action: { _, _ in [.suspend] }),
    ]

    /// Keys that have the same meaning in every pane.
    static let inEveryPane = moving + steering + log + view + app

    // MARK: - Bindings by purpose

    private static let moving =
        DashboardState.Pane.allCases.map { pane in
            Binding(
                [.character(Character("\(pane.rawValue)"))], .move,
                "panes: " + DashboardState.Pane.allCases.map { "\($0)" }.joined(separator: ", "),
                change: { $0.go(to: pane, &$1) })
        } + [
            Binding([.tab], .move, "next and previous pane", change: { $0.cycleFocus(1, &$1) }),
            Binding([.backTab], .move, "next and previous pane", change: { $0.cycleFocus(-1, &$1) }),
            Binding(
                [.enter], .move, "inspect the selected stage",
                hint: .when(rank: 1) { $0.focus == .inspector ? nil : "inspect" }, change: { $0.inspect(&$1) }),
            Binding(
                [.escape], .move, "go back: leave the inspector, a zoom, a search, a filter",
                hint: .when(rank: 1) { $0.focus == .inspector ? "back" : nil },
                action: { $0.back(&$1) }),
        ]

    private static let steering = [
        Binding(
            ["r"], .act, "retry the selected stage or item",
            hint: .when(rank: 1) { $0.selectedStage?.unit.status.isFinished == true ? "retry" : nil },
            refusal: { $0.steeringRefusal },
            action: { [.prepare(.retry($1.selection, of: $1.selectedStage))] }),
        Binding(
            ["x"], .act, "cancel the selected stage or item",
            hint: .when(rank: 2) {
                $0.run.status == .running && $0.selectedStage?.unit.status.isFinished != true ? "cancel" : nil
            },
            refusal: { $0.steeringRefusal },
            action: {
                let yes = ConfirmationRequest.Answer(label: "Yes", command: .cancel($1.selection))
                return [
                    .prepare(ConfirmationRequest(title: "Cancel \($1.selection)?", dismissal: "No", answers: [yes]))
                ]
            }),
        Binding(
            ["R"], .act, "retry everything that failed",
            hint: .when(rank: 4) {
                $0.run.stages.count { $0.unit.status == .failed } > 1 ? "retry all failed" : nil
            },
            refusal: { $0.steeringRefusal },
            action: { _, _ in
                let retry = ConfirmationRequest.Answer(label: "Retry", command: .retryFailed)
                return [.prepare(ConfirmationRequest(title: "Retry everything that failed?", answers: [retry]))]
            }),
        Binding(
            ["X"], .act, "cancel the whole run", refusal: { $0.steeringRefusal },
            action: { _, _ in
                let yes = ConfirmationRequest.Answer(label: "Yes", command: .cancelRun)
                return [.prepare(ConfirmationRequest(title: "Cancel the run?", dismissal: "No", answers: [yes]))]
            }),
        Binding(
            ["P"], .act, "pause: start nothing new; again to continue", refusal: { $0.steeringRefusal },
            action: { [.send($1.run.isPaused ? .unpause : .pause)] }),
        Binding(["y"], .act, "copy the log line, or the text of the inspector", action: { $0.copy(&$1) }),
    ]

    private static let log = [
        Binding(
            ["L"], .log, "show only the selected stage's lines, or all",
            hint: .when(rank: 3) { $0.log.filteredUnit == nil ? "its log" : "all log" }, action: { $0.narrowLog(&$1) }),
        Binding(
            ["e"], .move, "next and previous failure",
            hint: .when(rank: 5) { state in
                state.run.stages.contains { $0.unit.status == .failed } ? "next failure" : nil
            },
            change: { $1.selectFailure(1) }),
        Binding(["E"], .move, "next and previous failure", change: { $1.selectFailure(-1) }),
        Binding(
            ["/"], .log, "search", hint: .always("search", rank: 5),
            change: { $1.overlay = .prompt(Prompt(label: "search the log", text: "")) }),
        Binding(["n"], .log, "next and previous match", change: { $0.findNext(1, &$1) }),
        Binding(["N"], .log, "next and previous match", change: { $0.findNext(-1, &$1) }),
    ]

    private static let view = [
        Binding(
            ["v"], .view, "draw the graph: what fits, all of it, the focus, groups, a rail",
            hint: .always("view", rank: 6), change: { $1.changeView() }),
        Binding(
            ["u"], .view, "highlight what the selected stage needs, or what needs it",
            change: { $1.toggle(.upstream) }),
        Binding(
            ["d"], .view, "highlight what the selected stage needs, or what needs it",
            change: { $1.toggle(.downstream) }),
        Binding(
            ["c"], .view, "highlight the critical path of what is left",
            change: { $1.toggle(.criticalPath) }),
        Binding(
            ["z"], .view, "zoom the pane to the whole screen, and back", hint: .always("zoom", rank: 7),
            change: { $1.zoomed = $1.zoomed == nil ? DashboardLayout($1).focus : nil }),
    ]

    private static let app = [
        Binding(
            ["M"], .app, "let the mouse select text, or click and scroll", labelNow: { MouseWords.key($0.hasMouse) },
            action: {
                $1.hasMouse.toggle()
                $1.say(MouseWords.said($1.hasMouse, does: "clicks and scrolls"))
                return [.mouse($1.hasMouse)]
            }),
        Binding(
            ["?"], .app, "this help", hint: .always("help", rank: 0), change: { $1.overlay = .help(scroll: 0) }),
        Binding(["q"], .app, quitting, hint: .always("quit", rank: 0), action: { $0.quit(&$1) }),
    ]

    private static let quitting = "quit; asks first while the run is live"

    // MARK: - Boxes over the panes

    static let question = [
        Binding(
            [.tab], .questions, "choose an answer", hint: .always("choose", rank: 1), change: { $1.chooseNext(1) }),
        Binding([.backTab], .questions, "choose an answer", change: { $1.chooseNext(-1) }),
        Binding([.left, .up, "h"], .questions, "choose an answer, as tab does", change: { $1.chooseNext(-1) }),
        Binding([.right, .down, "l"], .questions, "choose an answer, as tab does", change: { $1.chooseNext(1) }),
        Binding(
            [.enter], .questions, "accept the chosen answer or the typed text", hint: .always("accept", rank: 0),
            action: { $0.accept(&$1) }),
        closing,
        Binding(
            [.pageDown], .questions, further,
            change: { $1.scrollQuestion(1) }),
        Binding(
            [.pageUp], .questions, further,
            change: { $1.scrollQuestion(-1) }),
        typedBack,
    ]

    static let prompt = [
        Binding(
            [.enter], .questions, "accept the chosen answer or the typed text",
            action: { $0.acceptText(&$1) }),
        closing,
        typedBack,
    ]

    static let help = [
        Binding(
            ["j", .down], .questions, "scroll the help", hint: .always("scroll", rank: 1), change: { $1.scrollHelp(1) }),
        Binding(
            ["k", .up], .questions, "scroll the help", hint: .always("scroll", rank: 1), change: { $1.scrollHelp(-1) }),
        Binding([.pageDown, " "], .questions, further, change: { $1.scrollHelp(10) }),
        Binding([.pageUp], .questions, further, change: { $1.scrollHelp(-10) }),
        closing,
    ]

    private static let further = "scroll by a page"
    private static let typedBack = Binding(
        [.backspace], .questions, "delete the last character", change: { $1.takeBackLetter() })
    private static let closing = Binding(
        [.escape], .questions, "close without doing anything", hint: .always("close", rank: 0),
        change: { $1.overlay = nil })
}

/// Texts about the key that leaves the mouse to the terminal.
enum MouseWords {
    /// What the key would do now.
    static func key(_ hasMouse: Bool) -> String {
        hasMouse ? "let the mouse select text" : "let the mouse click and scroll"
    }

    /// What the key has done.
    ///
    /// `does`: what the mouse does on the screen.
    static func said(_ hasMouse: Bool, does: String) -> String {
        hasMouse ? "the mouse \(does) here again" : "the mouse selects text now; M switches back"
    }
}
