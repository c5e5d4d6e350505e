package import CaudalModel
import Synchronization

/// The executors of a run, each made when it is first asked for.
package final class ProgramExecutors: Sendable {
    private let host: ProgramHost
    private let targets: [String: Target]
    private let made = Mutex<[LaunchPlace: any ProgramExecutor]>([:])

    package init(_ host: ProgramHost, targets: [String: Target] = [:]) {
        self.host = host
        self.targets = targets
    }

    /// The executor of what a stage says about where its program runs.
    ///
    /// - Throws: ``Failure`` for a target that the file does not have any more.
    package func executor(for placement: Placement) throws(Failure) -> any ProgramExecutor {
        let kind: LaunchPlace.Kind
        switch placement {
        case .local: kind = .local
        case .container(let settings): kind = .container(settings)
        case .sandbox(let settings): kind = .sandbox(settings)
        case .target(let name):
            guard let target = targets[name] else {
                throw Failure("there is no target '\(name)'", remedy: "add it to 'targets', or change 'run_on'")
            }
            kind = .target(target)
        }
        return executor(at: LaunchPlace(kind, of: host.environment.all))
    }

    /// The executor of a place.
    ///
    /// This is the list to which a new executor is added.
    private func executor(at place: LaunchPlace) -> any ProgramExecutor {
        if let known = made.withLock({ $0[place] }) { return known }
        let host = host.with(place.variables)
        let executor: any ProgramExecutor
        switch place.kind {
        case .local: executor = ProcessExecutor(host)
        case .container(let settings): executor = ContainerExecutor(host, settings, place)
        case .sandbox(let settings): executor = SandboxExecutor(host, settings)
        case .target(let target):
            switch target.kind {
            case .ssh(let settings): executor = SSHExecutor(host, target, settings, place)
            case .slurm(let settings): executor = SlurmExecutor(host, target, settings, place)
            case .kubernetes(let settings): executor = KubernetesExecutor(host, target, settings, place)
            }
        }
        return made.withLock { made in
            // Attempts that asked at the same time share one.
            let first = made[place] ?? executor
            made[place] = first
            return first
        }
    }

    /// The executor of work that goes on, in the place where it was begun.
    ///
    /// - Throws: ``Failure`` when the attempt's folder does not tell where that is.
    package func executor(continuing workFolder: String) throws(Failure) -> any ProgramExecutor {
        guard let launch = LaunchFolder.all(in: workFolder).last else {
            throw Failure("\(workFolder) does not tell where its work was begun")
        }
        return executor(at: launch.note.place)
    }

    /// Finds out what has become of work that another process of Caudal began, which has died.
    package func recover(_ identity: WorkIdentity, workFolder: String) async -> RecoveredWork {
        guard case .job(let kind, _, _) = identity, ContainerEngineName(rawValue: kind) == nil,
            FileText.exists(workFolder)
        else { return .ended }
        guard let launch = LaunchFolder.all(in: workFolder).last else {
            return .unknown("\(workFolder) does not tell where it was begun; remove it if the work has ended")
        }
        return await executor(at: launch.note.place).recover(identity, launch)
    }

    /// Ends what attempts may have left running in other places, so that nothing does their work beside another attempt.
    ///
    /// `workFolders`: the folders of these attempts.
    /// - Returns: What was ended, in words.
    /// - Throws: ``Failure`` when it cannot be found out, or does not end.
    package func settle(_ workFolders: [String]) async throws(Failure) -> [String] {
        var open: [LaunchPlace: [LaunchFolder]] = [:]
        for launch in workFolders.flatMap(LaunchFolder.open) { open[launch.note.place, default: []].append(launch) }
        var ended: [String] = []
        for (place, launches) in open { ended += try await executor(at: place).settle(launches) }
        return ended.sorted()
    }
}
