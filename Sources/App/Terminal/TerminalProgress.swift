/// How far a run is, for the tab of the terminal or the task bar.
struct TerminalProgress: Equatable {
    enum Kind: Int { case normal = 1, failed, unknown, paused }

    var kind: Kind
    var percent: Int

    /// The sequence that shows it, or takes it back.
    static func sequence(_ progress: TerminalProgress?) -> String {
        guard let progress else { return "\u{1b}]9;4;0;0\u{07}" }
        return "\u{1b}]9;4;\(progress.kind.rawValue);\(max(0, min(100, progress.percent)))\u{07}"
    }
}
