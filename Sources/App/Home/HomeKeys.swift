import Engine

/// The key bindings of the list of pipelines and runs.
enum HomeKeys {
    typealias Binding = KeyBinding<HomeReducer>

    /// The bindings that are active now, including those of a dashboard question that covers the list.
    static func bindings(_ state: HomeState) -> [Binding] {
        if state.helpScroll != nil { return always + help }
        if state.asking != nil { return always }
        if let question = state.question { return always + (question.form.place == nil ? self.question : form) }
        return always + (state.isTyping ? typing : state.keys.applied(to: list))
    }

    /// The bindings of the list that are active together.
    static let together = always + list

    /// All bindings with the user's keys.
    static func all(_ map: KeyMap) -> [(place: String, bindings: [Binding])] {
        all.map { ($0.place, map.applied(to: $0.bindings)) }
    }

    /// All bindings, by the part of the screen where they are active.
    static let all: [(place: String, bindings: [Binding])] = [
        ("everywhere", always), ("the list", list), ("the filter", typing), ("questions", question), ("the form", form),
        ("the help", help),
    ]

    static let always = [
        Binding([.control("c")], .app, quitting, action: { _, _ in [.quit] }),
        Binding([.control("l")], .app, "redraw the screen", action: { _, _ in [.redraw] }),
        Binding([.control("z")], .app, "suspend to the shell; fg returns", action: { _, _ in [.suspend] }),
    ]

    static let list =
        [
            Binding(
                [.enter], .act, "run the pipeline (asks first), or open the run",
                hint: .when(rank: 1) { state in
                    switch state.selected {
                    case .pipeline: "run it"
                    case .run: "open"
                    case nil: nil
                    }
                }, action: { $0.enter(&$1) }),
            Binding(
                "retry", ["r"], .act, "retry what failed, or resume an interrupted run",
                hint: .when(rank: 2) { $0.selected == nil ? nil : "retry" }, refusal: { $0.steeringRefusal },
                action: { $0.retry(&$1) }),
            Binding(
                "pause-schedules", ["p"], .act, "pause its schedules, or resume them",
                hint: .when(rank: 4) { state in
                    guard let entry = state.selectedPipeline?.nextSchedule else { return nil }
                    return entry.pause == nil ? "pause" : "resume"
                }, refusal: { $0.steeringRefusal }, change: { $0.pause(&$1) }),
            Binding(
                "run-now", ["n"], .act, "run it now as its schedule would",
                refusal: { $0.steeringRefusal }, change: { $0.runScheduled(&$1) }),
            Binding(
                "find", ["/"], .view, "filter by words, state:failed, day:2026-11, !words",
                hint: .when(rank: 3) { $0.filter.isEmpty ? "filter" : "filter: \($0.filter)" },
                change: { $1.isTyping = true }),
            Binding(
                [.escape], .view, showingAll, hint: .when(rank: 5) { $0.filter.isEmpty ? nil : "all" },
                change: { $1.filter = "" }),
            Binding(
                [.tab, .backTab], .move, "switch between pipelines and runs",
                hint: .always("pipelines, runs", rank: 6), change: { $1.changeList() }),
        ] + moving + [
            Binding(
                "mouse", ["M"], .app, "let the mouse select text, or click and scroll",
                labelNow: { MouseWords.key($0.hasMouse) },
                action: {
                    $1.hasMouse.toggle()
                    $1.say(MouseWords.said($1.hasMouse, does: "scrolls"))
                    return [.mouse($1.hasMouse)]
                }),
            Binding("help", ["?"], .app, "this help", hint: .always("help", rank: 0), change: { $1.helpScroll = 0 }),
            Binding("quit", ["q"], .app, quitting, hint: .always("quit", rank: 0), action: { _, _ in [.quit] }),
        ]

    private static let moving = [
        Binding(["j", .down], .move, "move down and up", hint: .always("move", rank: 7), change: { $1.move(1) }),
        Binding(["k", .up], .move, "move down and up", hint: .always("move", rank: 7), change: { $1.move(-1) }),
        Binding([.pageUp, .control("u")], .move, "scroll by a page", change: { $1.move(-10) }),
        Binding([.pageDown, .control("d")], .move, "scroll by a page", change: { $1.move(10) }),
        Binding(["g", .home], .move, "first and last of the list", change: { $1.move(toLast: false) }),
        Binding(["G", .end], .move, "first and last of the list", change: { $1.move(toLast: true) }),
    ]

    /// The bindings while the user types the filter.
    static let typing = [
        Binding([.enter], .questions, "accept the chosen answer or the typed text", change: { $1.isTyping = false }),
        Binding(
            [.escape], .view, showingAll,
            change: { _, state in
                state.filter = ""
                state.isTyping = false
            }),
        Binding([.down], .move, "move down and up", change: { $1.move(1) }),
        Binding([.up], .move, "move down and up", change: { $1.move(-1) }),
        Binding(
            [.backspace], .questions, "delete the last character", change: { $1.filter = String($1.filter.dropLast()) }),
    ]

    static let question = [
        Binding(
            [.tab, .backTab], .questions, "choose an answer", hint: .always("choose", rank: 1),
            change: { $1.question?.isYes.toggle() }),
        Binding(
            [.left, .right, "h", "l"], .questions, "choose an answer, as tab does",
            change: { $1.question?.isYes.toggle() }),
        Binding(
            [.up], .questions, "back to the values, if the run takes some",
            hint: .when(rank: 2) { $0.question?.form.fields.isEmpty == false ? "the values" : nil },
            change: { _, state in
                if state.question?.form.fields.isEmpty == true {
                    state.question?.isYes.toggle()
                } else {
                    state.question?.form.move(-1)
                }
            }),
        Binding([.down], .questions, "choose an answer, as tab does", change: { $1.question?.isYes.toggle() }),
        Binding(
            [.enter], .questions, "accept the chosen answer or the typed text", hint: .always("accept", rank: 0),
            action: { $0.accept(&$1) }),
        Binding(
            [.escape, "q", "n"], .questions, "close without doing anything", hint: .always("close", rank: 0),
            change: { $1.question = nil }),
    ]

    /// The bindings while the user types values for a run.
    static let form = [
        Binding(
            [.enter, .tab, .down], .questions, "next field, and then the answers", hint: .always("next field", rank: 0),
            action: { $0.accept(&$1) }),
        Binding([.backTab, .up], .questions, "previous field", change: { $1.question?.form.move(-1) }),
        Binding(
            [.left], .questions, "another value: of a list, or the day before",
            hint: .always("other value", rank: 1), change: { $1.question?.form.turn(-1, now: $1.now) }),
        Binding(
            [.right], .questions, "another value: of a list, or the day before",
            hint: .always("other value", rank: 1), change: { $1.question?.form.turn(1, now: $1.now) }),
        Binding(
            [.backspace], .questions, "delete the last character", change: { $1.question?.form.erase() }),
        Binding([.control("u")], .questions, "delete what was typed", change: { $1.question?.form.clear() }),
        Binding(
            [.escape], .questions, "close without doing anything", hint: .always("close", rank: 0),
            change: { $1.question = nil }),
    ]

    static let help = [
        Binding(
            ["j", .down], .questions, "scroll the help", hint: .always("scroll", rank: 1),
            change: { $1.scrollHelp(1) }),
        Binding(
            ["k", .up], .questions, "scroll the help", hint: .always("scroll", rank: 1),
            change: { $1.scrollHelp(-1) }),
        Binding([.pageDown, " "], .questions, "scroll by a page", change: { $1.scrollHelp(10) }),
        Binding([.pageUp], .questions, "scroll by a page", change: { $1.scrollHelp(-10) }),
        Binding(
            [.escape], .questions, "close without doing anything", hint: .always("close", rank: 0),
            change: { $1.helpScroll = nil }),
    ]

    private static let showingAll = "clear the filter"
    private static let quitting = "quit; runs of other processes continue"
}

extension NamedKeys {
    /// The keys of all screens that are active together, for each part of a screen.
    static let ofAllScreens = DashboardKeys.together.map { $0.map(Self.init) } + [HomeKeys.together.map(Self.init)]
}
