package import CaudalModel
import CSystem
import Foundation

/// What the scheduler has a process do.
package enum SlotOrder: Sendable, Hashable {
    /// Begin the run of a decision, by its number, with a pipeline file.
    case begin(slot: Int64, file: String)
    /// Go on with the run of a decision, whose process died.
    case resume(RunID)
}

/// What starts processes for slots; each goes on when the scheduler ends.
package protocol SlotStarter: AnyObject {
    /// Starts a process.
    ///
    /// - Returns: Its process id.
    /// - Throws: ``Failure`` when it cannot be started.
    func start(_ order: SlotOrder) throws(Failure) -> Int32
    /// The processes that have ended since the last call, with their endings.
    func ended() -> [(process: Int32, exit: ProcessExit)]
}

/// Starts `caudal` for each slot, in a process group of its own, so that whatever ends the scheduler does not end it.
package final class ProcessSlotStarter: SlotStarter {
    private let program: String
    private let state: StateFolder
    private let root: String?
    private let environment: [String: String]
    private let onStart: (Int32) -> Void
    private var children: Set<Int32> = []

    /// - Parameters:
    ///   - program: The path of the program; what is there when a slot is due is started, so that it can be upgraded meanwhile.
    ///   - root: The project's root that the user chose.
    ///   - environment: What the processes get as their environment.
    ///   - onStart: Told of each process that was started.
    package init(
        program: String, state: StateFolder, root: String?, environment: [String: String],
        onStart: @escaping (Int32) -> Void = { _ in }
    ) {
        self.program = program
        self.state = state
        self.root = root
        // The runs belong to no attempt, even if a command of a stage started the scheduler.
        self.environment = environment.merging([ProcessLaunch.markerVariable: "caudal/schedule"]) { $1 }
        self.onStart = onStart
    }

    package func start(_ order: SlotOrder) throws(Failure) -> Int32 {
        var words = [program]
        switch order {
        case .begin(let slot, let file): words += ["schedule", "start-slot", String(slot), file]
        case .resume(let run): words += ["resume", run.rawValue, "--as-started", "--plain"]
        }
        words += ["--state", state.path]
        if let root { words += ["--project", root] }
        let log = open(state.schedulerLog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw Failure(describing: StoreError(writing: state.schedulerLog, errno: errno)) }
        defer { close(log) }
        let pid = try DetachedProcess.start(words, environment, errors: log)
        children.insert(pid)
        onStart(pid)
        return pid
    }

    package func ended() -> [(process: Int32, exit: ProcessExit)] {
        children.compactMap { pid in
            guard let exit = DetachedProcess.exit(of: pid) else { return nil }
            children.remove(pid)
            return (pid, exit)
        }
    }
}
