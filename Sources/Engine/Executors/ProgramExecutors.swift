package import CaudalModel
import Synchronization

/// The executors of a run, each made when it is first asked for.
package final class ProgramExecutors: Sendable {
    private let host: ProgramHost
    private let targets: [String: Target]
    private let made = Mutex<[Placement: any ProgramExecutor]>([:])

    package init(_ host: ProgramHost, targets: [String: Target] = [:]) {
        self.host = host
        self.targets = targets
    }

    /// The executor of what a stage says about where its program runs.
    ///
    /// This is the list to which a new executor is added.
    /// - Throws: ``Failure`` for a target that the file does not have any more.
    package func executor(for placement: Placement) throws(Failure) -> any ProgramExecutor {
        if let known = made.withLock({ $0[placement] }) { return known }
        let executor: any ProgramExecutor
        switch placement {
        case .local: executor = ProcessExecutor(host)
        case .container(let settings): executor = ContainerExecutor(host, settings)
        case .sandbox(let settings): executor = SandboxExecutor(host, settings)
        case .target(let name):
            guard let target = targets[name] else {
                throw Failure("there is no target '\(name)'", remedy: "add it to 'targets', or change 'run_on'")
            }
            switch target.kind {
            case .ssh(let settings): executor = SSHExecutor(host, target, settings)
            case .slurm(let settings): executor = SlurmExecutor(host, target, settings)
            }
        }
        return made.withLock { made in
            // Attempts that asked at the same time share one.
            let first = made[placement] ?? executor
            made[placement] = first
            return first
        }
    }

    /// Finds out what has become of work that another process of Caudal began, which has died.
    ///
    /// - Throws: ``Failure`` where the target that does it is not there any more.
    package func recover(_ identity: WorkIdentity, workFolder: String) async throws(Failure) -> RecoveredWork {
        guard case .job(let kind, _, _) = identity, ContainerEngineName(rawValue: kind) == nil else { return .ended }
        return await (try executor(for: .target(kind))).recover(identity, workFolder: workFolder)
    }
}
