import Engine

/// What a user has chosen for all screens: in a file of their own, by variables and by flags.
struct ScreenSettings: Sendable {
    var theme = Theme.terminal
    /// The signals of the terminal when a stage fails and when a run ends, besides those that pipelines want.
    var signals: Set<TerminalChannel.Form> = []
    /// Whether the terminal is told how far the run is, for its tab or the task bar.
    var showsProgress = false
    var keys = KeyMap()
}

/// The keys that a user has given to actions, by their names; the others have their usual ones.
struct KeyMap: Equatable, Sendable {
    var keys: [String: [Key]] = [:]
}
