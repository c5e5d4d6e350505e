import ArgumentParser
import Engine
import Foundation

/// A run that a person named, and the way to the process that runs it.
struct RunTarget {
    let store: RunStore
    let id: RunID

    var folder: RunFolder { store.folder.run(id) }

    /// Finds the run that a person means: its id, the beginning or end of one, or `last`.
    static func find(_ text: String, _ options: StateOptions) throws -> RunTarget {
        let store = try options.openStore()
        return try Output.reporting { RunTarget(store: store, id: try store.find(text)) }
    }

    /// Lets the process that runs the run carry a command out, and prints what became of it.
    ///
    /// - Returns: Whether a process runs the run; without one nothing was done.
    /// - Throws: The exit status for a command that was refused.
    func carryOutIfLive(_ command: RunCommand) async throws -> Bool {
        let answer = try await Output.reporting {
            try await ControlClient(folder).ask(command, by: Operator.here("command line"))
        }
        switch answer {
        case nil: return false
        case .accepted(let text): Output.line("\(id): \(text)")
        case .refused(let text):
            Output.error("error: \(text)")
            throw ExitStatus.failed.code
        }
        return true
    }
}

extension Operator {
    /// Who asks a process for something: the user, the machine and the process, and from where.
    static func here(_ place: String) -> String {
        "\(name)@\(ProcessInfo.processInfo.hostName), \(place), pid \(getpid())"
    }
}

/// `STAGE` or `STAGE/ITEM`, as the command line names a stage or an item of one.
struct UnitArgument: ExpressibleByArgument {
    let unit: UnitID

    init?(argument: String) {
        let parts = argument.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let stage = parts.first, !stage.isEmpty, parts.last?.isEmpty == false else { return nil }
        unit = UnitID(StageID(String(stage)), parts.count > 1 ? ItemKey(String(parts[1])) : nil)
    }
}
