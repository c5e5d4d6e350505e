import CaudalModel
import Engine

/// The key bindings of the dashboard; a pane defines the bindings that only it has.
enum DashboardKeys {
    typealias Binding = KeyBinding<DashboardReducer>

    /// The bindings that are active now.
    static func bindings(_ state: DashboardState) -> [Binding] {
        switch state.overlay {
        case .help: return state.keys.applied(to: always) + help
        case .confirm: return state.keys.applied(to: always) + question
        case .prompt: return state.keys.applied(to: always) + prompt
        case .palette: return state.keys.applied(to: always) + palette
        case .copying: return state.keys.applied(to: always) + copying
        case .history: return state.keys.applied(to: always) + history
        case .comparison: return state.keys.applied(to: always) + comparison
        case .limits: return state.keys.applied(to: always) + limits
        case nil:
            let layout = DashboardLayout(state)
            let panes = state.keys.applied(to: always + inEveryPane + layout.kind(of: layout.focus).bindings)
            guard state.replay != nil else { return panes }
            let taken = Set(ReplayKeys.bindings.flatMap(\.keys))
            return ReplayKeys.bindings + panes.filter { taken.isDisjoint(with: $0.keys) }
        }
    }

    /// The bindings that are active together, for each pane.
    static let together: [[Binding]] = DashboardState.Pane.allCases.flatMap(\.kinds).map {
        always + inEveryPane + $0.bindings
    }

    /// All bindings with the user's keys.
    static func all(_ map: KeyMap) -> [(place: String, bindings: [Binding])] {
        all.map { ($0.place, map.applied(to: $0.bindings)) }
    }

    /// All bindings, by the part of the screen where they are active.
    static let all: [(place: String, bindings: [Binding])] =
        [("everywhere", always), ("every pane", inEveryPane)]
        + DashboardState.Pane.allCases.flatMap(\.kinds).map { ($0.title, $0.bindings) } + [
            ("questions", question), ("the search", prompt), ("the palette", palette), ("copying", copying),
            ("the history", history), ("the comparison", comparison), ("the help", help),
            ("the limits", limits),
            ("a replay", ReplayKeys.bindings),
        ]

    /// Keys that are also active while a box covers the panes.
    static let always = [
        Binding([.control("c")], .app, quitting, action: { $0.quit(&$1) }),
        Binding("redraw", [.control("r")], .app, "redraw the screen", action: { _, _ in [.redraw] }),
        Binding(
            "print", [.control("l")], .app, "print what the pane shows as plain text, to select from",
            action: { [.printPlainly($0.plainText($1))] }),
        Binding([.control("z")], .app, "suspend to the shell; fg returns", action: { _, _ in [.suspend] }),
    ]

    /// Keys that have the same meaning in every pane.
    static let inEveryPane = moving + steering + log + view + tabs + app

    // MARK: - Bindings by purpose

    private static let moving =
        DashboardState.Pane.allCases.map { pane in
            Binding(
                [.character(Character("\(pane.rawValue)"))], .move,
                "panes: " + DashboardState.Pane.allCases.map { "\($0)" }.joined(separator: ", "),
                change: { $0.go(to: pane, &$1) }
            ).alone("go to the \(pane)")
        } + [
            Binding("next-pane", [.tab], .move, "next and previous pane", change: { $0.cycleFocus(1, &$1) })
                .alone("next pane"),
            Binding("previous-pane", [.backTab], .move, "next and previous pane", change: { $0.cycleFocus(-1, &$1) })
                .alone("previous pane"),
            Binding(
                [.enter], .move, "inspect the selected stage; in the log, that of the line",
                hint: .when(rank: 1) { $0.focus == .inspector ? nil : "inspect" }, change: { $0.inspect(&$1) }),
            Binding(
                [.escape], .move, "go back: leave the inspector, a zoom, a search, a filter",
                hint: .when(rank: 1) { $0.focus == .inspector ? "back" : nil },
                action: { $0.back(&$1) }),
        ]

    private static let steering = [
        Binding(
            "retry", ["r"], .act, "retry the selected stage or item, or the picked stages together",
            hint: .when(rank: 1) { state in
                if !state.pickedStages.isEmpty { return "retry picked" }
                return state.selectedStage?.unit.status.isFinished == true ? "retry" : nil
            },
            refusal: { $0.steeringRefusal }, action: { $0.askRetry($1) }),
        Binding(
            "set-outcome", ["="], .act,
            "mark the selected stage or item as skipped or succeeded without running it, with a reason",
            refusal: { $0.steeringRefusal }, change: { $0.askReason(&$1) }),
        Binding(
            "correct-rows", ["C"], .act,
            "correct the rows that a validate stage quarantined in $EDITOR, and take them in",
            hint: .when(rank: 2) { $0.canCorrectRows ? "correct rows" : nil },
            refusal: { $0.steeringRefusal }, action: { $0.correctRows(&$1) }),
        Binding(
            "limits", ["p"], .act, "change how much runs at once: max_parallel and pools", refusal: { $0.limitRefusal },
            change: { $1.overlay = .limits(LimitsPage()) }),
        Binding(
            "cancel", ["x"], .act, "cancel the selected stage or item",
            hint: .when(rank: 2) {
                $0.run.status == .running && $0.selectedStage?.unit.status.isFinished != true ? "cancel" : nil
            },
            refusal: { $0.steeringRefusal },
            action: { [.prepare(.cancel($1.selection))] }),
        Binding(
            "retry-failed", ["R"], .act, "retry everything that failed",
            hint: .when(rank: 4) {
                $0.digest.failed.count + $0.digest.allowed.count > 1 ? "retry all failed" : nil
            },
            refusal: { $0.steeringRefusal },
            action: { _, _ in
                let retry = ConfirmationRequest.Answer(label: "Retry", command: .retryFailed)
                return [.prepare(ConfirmationRequest(title: "Retry everything that failed?", answers: [retry]))]
            }),
        Binding(
            "cancel-run", ["X"], .act, "cancel the whole run", refusal: { $0.steeringRefusal },
            action: { _, _ in
                let yes = ConfirmationRequest.Answer(label: "Yes", command: .cancelRun)
                return [.prepare(ConfirmationRequest(title: "Cancel the run?", dismissal: "No", answers: [yes]))]
            }),
        Binding(
            "pause", ["P"], .act, "pause: start nothing new; again to continue",
            hint: .when(rank: 1) { $0.run.isPaused && $0.run.status == .running ? "continue" : nil },
            refusal: { $0.steeringRefusal },
            action: { [.send($1.run.isPaused ? .unpause : .pause)] }),
        Binding(
            "copy", ["y"], .act, "copy the error; in the log the line or the picked ones, in the inspector its text",
            action: { $0.copy(&$1) }),
        Binding(
            "copy-more", ["Y"], .act, "copy the error, the whole log, the command, … of the selected stage",
            change: { $1.overlay = .copying }),
        Binding(
            "page-log", ["o"], .act, "open the stage's log in $PAGER; in the log, the whole of it",
            action: { $0.page($1) }),
        Binding(
            "edit", ["O"], .act, "open the pipeline file at the stage in $EDITOR", refusal: { $0.editRefusal },
            action: { [.edit($1.selection.stage)] }),
    ]

    private static let log = [
        Binding(
            "stage-log", ["L"], .log, "show only the selected stage's lines, those of its failed item first, or all",
            hint: .when(rank: 3) { state in
                let next = state.nextLogUnit
                return next == nil
                    ? "all log"
                    : next == state.selection && state.log.filteredUnit != nil
                        ? "whole log" : "its log"
            }, action: { $0.narrowLog(&$1) }),
        Binding(
            "errors", ["!"], .log, "show only errors in the log, or all lines again",
            hint: .when(rank: 3) { state in
                guard DashboardLayout(state).focus == .log else { return nil }
                return state.log.level == .error ? "all lines" : "errors"
            }, action: { $0.showErrors(&$1) }),
        Binding(
            "next-failure", ["e"], .move, failures,
            hint: .when(rank: 5) { $0.failures.isEmpty ? nil : "next failure" }, change: { $0.nextFailure(1, &$1) }
        ).alone("next failure, also of items; in the log, line of an error"),
        Binding("previous-failure", ["E"], .move, failures, change: { $0.nextFailure(-1, &$1) })
            .alone("previous failure, also of items; in the log, line of an error"),
        Binding(
            "find", ["/"], .move,
            "find stages by name, group, state or failure; in the log, lines by a regular expression",
            hint: .always("find", rank: 5), change: { $0.search(&$1) }),
        Binding("find-next", ["n"], .move, "next and previous of what was found", change: { $0.findNext(1, &$1) })
            .alone("next of what was found"),
        Binding("find-previous", ["N"], .move, "next and previous of what was found", change: { $0.findNext(-1, &$1) })
            .alone("previous of what was found"),
    ]

    private static let failures = "next and previous failure, also of items; in the log, lines of errors"

    /// Keys that show a part of what is known of the selected stage.
    private static let tabs = [
        Binding("attempts", ["A"], .view, "its attempts side by side", change: { $0.inspect(.attempts, &$1) }),
        Binding("data", ["D"], .view, "its rows, checks and failing rows", change: { $0.inspect(.data, &$1) }),
        Binding(
            "command", ["S"], .view, "its command, SQL and settings as they ran", change: { $0.inspect(.command, &$1) }),
        Binding(
            "history", ["T"], .view, "its times and outcomes in earlier runs", change: { $0.inspect(.history, &$1) }),
    ]

    private static let view = [
        Binding(
            "view", ["v"], .view, "draw the graph: what fits, all of it, the focus, groups, a rail",
            hint: .when(rank: 6) { [.graph, .stages].contains(DashboardLayout($0).focus) ? "view" : nil },
            change: { $1.changeView() }),
        Binding(
            "upstream", ["u"], .view, "highlight what the selected stage needs, or what needs it",
            change: { $1.toggle(.upstream) }
        ).alone("highlight what the selected stage needs"),
        Binding(
            "downstream", ["d"], .view, "highlight what the selected stage needs, or what needs it",
            change: { $1.toggle(.downstream) }
        ).alone("highlight what needs the selected stage"),
        Binding(
            "critical-path", ["c"], .view, "highlight the critical path of what is left",
            change: { $1.toggle(.criticalPath) }),
        Binding(
            "zoom", ["z"], .view, "zoom the pane to the whole screen, and back", hint: .always("zoom", rank: 7),
            change: { $1.zoomed = $1.zoomed == nil ? DashboardLayout($1).focus : nil }),
    ]

    private static let app = [
        Binding(
            "runs", ["H"], .app, "the history of the pipeline's runs: open one, compare one",
            hint: .when(rank: 5) { $0.run.status == .running ? nil : "history" }, action: { $0.showHistory(&$1) }),
        Binding(
            "mouse", ["M"], .app, "let the mouse select text, or click and scroll",
            labelNow: { MouseWords.key($0.hasMouse) },
            action: {
                $1.hasMouse.toggle()
                $1.say(MouseWords.said($1.hasMouse, does: "clicks and scrolls"))
                return [.mouse($1.hasMouse)]
            }),
        Binding(
            "actions", [":"], .app, "find any action by its name", hint: .always("actions", rank: 6),
            change: { $1.overlay = .palette(Palette()) }),
        Binding(
            "help", ["?"], .app, "this help", hint: .always("help", rank: 0), change: { $1.overlay = .help(HelpPage()) }
        ),
        Binding(
            "quit", ["q"], .app, quitting, hint: .when(rank: 0) { $0.home == nil ? "quit" : "back" },
            action: { $0.quit(&$1) }),
    ]

    private static let quitting = "quit, or go back from a run of the history; asks first while the run is live"

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
        Binding([.down], .questions, "next and previous of what was found so far", change: { $0.chooseFound(1, &$1) }),
        Binding([.up], .questions, "next and previous of what was found so far", change: { $0.chooseFound(-1, &$1) }),
        Binding([.escape], .questions, "go back to what was before", action: { $0.leavePrompt(&$1) }),
        Binding(
            [.backspace], .questions, "delete the last character",
            action: {
                $1.takeBackLetter()
                return $0.textChanged(&$1)
            }),
    ]

    static let palette = [
        Binding(
            [.enter], .questions, "carry out the action", hint: .always("carry out", rank: 0),
            action: { $0.acceptPalette(&$1) }),
        Binding(
            [.down], .questions, "choose an action", hint: .always("choose", rank: 1),
            change: { $0.chooseAction(1, &$1) }),
        Binding([.up], .questions, "choose an action", change: { $0.chooseAction(-1, &$1) }),
        Binding([.pageDown], .questions, further, change: { $0.chooseAction(10, &$1) }),
        Binding([.pageUp], .questions, further, change: { $0.chooseAction(-10, &$1) }),
        Binding(
            [.tab], .questions, "type the rest of the action", hint: .always("complete", rank: 2),
            change: { $0.completePalette(&$1) }),
        closing, typedBack,
    ]

    static let copying = [
        Binding(["e"], .questions, "copy the error", action: { $0.copyError(&$1) }),
        Binding(
            ["l"], .questions, "copy its whole log",
            action: {
                $1.overlay = nil
                return [.copy(.log($1.selection))]
            }),
        Binding(["c"], .questions, "copy its command or SQL", action: { $0.copyCommand(&$1) }),
        Binding(
            ["n"], .questions, "copy its name",
            action: {
                $1.overlay = nil
                return [.copy(.text($1.selection.description, of: "the name of \($1.selection)"))]
            }),
        Binding(
            ["r"], .questions, "copy the command that retries it",
            action: {
                $1.overlay = nil
                return [.copy(.text($1.retryLine, of: "the command that retries \($1.selection)"))]
            }),
        closing,
    ]

    static let history = [
        Binding(
            ["j", .down], .questions, chooseRun, hint: .always("choose", rank: 2), change: { $1.chooseRun(1) }),
        Binding(["k", .up], .questions, chooseRun, change: { $1.chooseRun(-1) }),
        Binding([.pageDown], .questions, further, change: { $1.chooseRun(10) }),
        Binding([.pageUp], .questions, further, change: { $1.chooseRun(-10) }),
        Binding(
            [.enter], .questions, "open the run on this screen; q goes back", hint: .always("open", rank: 0),
            action: { $0.use(.open, &$1) }),
        Binding(
            ["d"], .questions, "compare the shown run with it", hint: .always("compare", rank: 1),
            action: { $0.use(.compare, &$1) }),
        Binding(
            ["D"], .questions, "compare the shown run with the last one before it that succeeded",
            hint: .always("compare with the last good one", rank: 1),
            action: { $0.use(.compareWithLastGood, &$1) }),
        Binding(
            ["v"], .questions, "publish its versions again; asks first", hint: .always("restore", rank: 3),
            action: { $0.use(.restore, &$1) }),
        closing,
    ]

    static let comparison = [
        Binding(
            ["j", .down], .questions, "scroll the differences", hint: .always("scroll", rank: 1),
            change: { $1.scrollComparison(1) }),
        Binding(["k", .up], .questions, "scroll the differences", change: { $1.scrollComparison(-1) }),
        Binding([.pageDown, " "], .questions, further, change: { $1.scrollComparison(10) }),
        Binding([.pageUp], .questions, further, change: { $1.scrollComparison(-10) }),
        Binding(
            [.enter], .questions, "open the run on this screen; q goes back",
            hint: .always("open the other run", rank: 1), action: { $0.openCompared(&$1) }),
        Binding(
            [.escape], .questions, "go back to the history", hint: .always("back", rank: 0),
            change: { $1.leaveComparison() }),
    ]

    static let limits = [
        Binding(
            ["j", .down], .questions, "choose a limit", hint: .always("choose", rank: 2),
            change: { $1.chooseLimit(1) }),
        Binding(["k", .up], .questions, "choose a limit", change: { $1.chooseLimit(-1) }),
        Binding(
            ["+", .right, "l"], .questions, "more or fewer at once", hint: .always("more", rank: 1),
            change: { $1.changeLimit(1) }),
        Binding(
            ["-", .left, "h"], .questions, "more or fewer at once", hint: .always("fewer", rank: 1),
            change: { $1.changeLimit(-1) }),
        Binding(
            [.enter], .questions, "let the run go on with these numbers", hint: .always("apply", rank: 0),
            action: { $0.applyLimits(&$1) }),
        closing,
    ]

    private static let chooseRun = "choose a run"

    static let help = [
        Binding(
            ["j", .down], .questions, "scroll the help", hint: .always("scroll", rank: 1), change: { $1.scrollHelp(1) }),
        Binding(
            ["k", .up], .questions, "scroll the help", hint: .always("scroll", rank: 1), change: { $1.scrollHelp(-1) }),
        Binding([.pageDown, " "], .questions, further, change: { $1.scrollHelp(10) }),
        Binding([.pageUp], .questions, further, change: { $1.scrollHelp(-10) }),
        Binding(["/"], .questions, "search the help", hint: .always("search", rank: 1), change: { $1.searchHelp() }),
        Binding([.enter], .questions, "close the help", change: { $1.overlay = nil }),
        Binding(
            [.escape], .questions, "close without doing anything", hint: .always("close", rank: 0),
            change: { $1.leaveHelp() }),
        typedBack,
    ]

    private static let further = "scroll by a page"
    private static let typedBack = Binding(
        [.backspace], .questions, "delete the last character", change: { $1.takeBackLetter() })
    private static let closing = Binding(
        [.escape], .questions, "close without doing anything", hint: .always("close", rank: 0),
        change: {
            $1.closeQuestion()
            $1.overlay = nil
        })
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
