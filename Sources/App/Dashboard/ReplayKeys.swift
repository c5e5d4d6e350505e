import CaudalModel
import Engine

/// The key bindings of a replay; they go before those of the panes.
enum ReplayKeys {
    typealias Binding = KeyBinding<DashboardReducer>

    static let bindings = [
        Binding(
            [" "], .view, "stop the replay, or go on",
            hint: .when(rank: 0) { $0.replay.map { $0.isAtEnd ? "again" : $0.isPaused ? "go on" : "stop" } },
            change: { _, state in
                guard let replay = state.replay else { return }
                // At the end there is nothing to go on with: it begins anew.
                if replay.isAtEnd { state.replay?.seek(to: 0) }
                state.replay?.isPaused = !replay.isPaused && !replay.isAtEnd
                show(&state)
            }),
        Binding([","], .view, stepping, change: { step(-1, &$1) }).alone("previous event of the replay"),
        Binding(
            ["."], .view, stepping, hint: .when(rank: 2) { $0.replay == nil ? nil : "step" }, change: { step(1, &$1) }
        ).alone("next event of the replay"),
        Binding(["<"], .view, pacing, change: { changeSpeed(-1, &$1) }).alone("replay more slowly, to 0.25 times"),
        Binding(
            [">"], .view, pacing, hint: .when(rank: 1) { $0.replay == nil ? nil : "faster" },
            change: { changeSpeed(1, &$1) }
        ).alone("replay faster, to 64 times"),
        Binding(["{"], .view, jumping, change: { jump(-1, &$1) }).alone("a tenth of the replay back"),
        Binding(
            ["}"], .view, jumping, hint: .when(rank: 3) { $0.replay == nil ? nil : "ahead" }, change: { jump(1, &$1) }
        ).alone("a tenth of the replay ahead"),
    ]

    private static let stepping = "previous and next event of the replay"
    private static let pacing = "slower and faster: 0.25 to 64 times"
    private static let jumping = "a tenth of the replay back and ahead"

    private static func step(_ direction: Int, _ state: inout DashboardState) {
        state.replay?.isPaused = true
        state.replay?.stepEvent(direction)
        show(&state)
    }

    private static func changeSpeed(_ step: Int, _ state: inout DashboardState) {
        state.replay?.changeSpeed(step)
        show(&state)
    }

    /// Shows where the replay is, in place of what was said before.
    private static func show(_ state: inout DashboardState) {
        state.toast = nil
        state.showReplay()
    }

    private static func jump(_ direction: Int64, _ state: inout DashboardState) {
        guard let replay = state.replay else { return }
        state.replay?.seek(to: replay.position + direction * max(1000, replay.length / 10))
        show(&state)
    }
}

/// Where a replay is, in the line above the keys: `▶ 4×  0:42 of 6:31 ━━━━━●─────  13:04:29  clean  started`.
enum ReplayBar {
    static func line(_ replay: RunReplay, isASCII: Bool) -> [Span] {
        let mark =
            replay.isAtEnd ? (isASCII ? "#" : "■") : replay.isPaused ? (isASCII ? "=" : "‖") : isASCII ? ">" : "▶"
        let speed = replay.speed == replay.speed.rounded() ? String(Int(replay.speed)) : String(replay.speed)
        let times = "\(Duration.milliseconds(replay.position).clock) of \(Duration.milliseconds(replay.length).clock)"
        let width = 16
        let place = replay.length == 0 ? 0 : Int(Double(replay.position) / Double(replay.length) * Double(width - 1))
        let (past, knob, future) = isASCII ? ("=", "o", "-") : ("━", "●", "─")
        var spans = [
            Span(" \(mark) \(speed)\(isASCII ? "x" : "×")  \(times) ", .bold),
            Span(String(repeating: past, count: place) + knob, .accent),
            Span(String(repeating: future, count: width - 1 - place) + " ", .dim),
        ]
        if let event = replay.lastSeen, let caption = PlainPrinter.caption(of: event, in: replay.run) {
            spans.append(Span(" \(caption) "))
        }
        return spans
    }
}

extension Duration {
    /// `0:42`, `6:31`, `1:02:03`.
    fileprivate var clock: String {
        let seconds = milliseconds / 1000
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : String(number) }
        return (hours > 0 ? "\(hours):\(two(minutes))" : String(minutes)) + ":\(two(seconds % 60))"
    }
}
