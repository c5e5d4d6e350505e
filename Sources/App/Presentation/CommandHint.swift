import CaudalModel
import Engine
import Foundation

/// Writes commands for the user to type next; where such a command would not find the state folder by itself, it names it.
struct CommandHint: Sendable, Hashable {
    private var options = ""

    /// Commands that find their state folder from the current folder.
    init() {}

    /// - Parameter folder: The state folder with the runs that the commands are about.
    init(_ folder: StateFolder) {
        let found = StateFolder.found(
            from: FileManager.default.currentDirectoryPath, ProcessInfo.processInfo.environment)
        if found?.path != folder.path { options = " --state " + ShellText.word(folder.path) }
    }

    /// The command with some words, such as `retry 20260103-081500-ab12`.
    func callAsFunction(_ words: String) -> String { "caudal \(words)\(options)" }
}
