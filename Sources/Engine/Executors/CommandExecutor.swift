package import CaudalModel

/// Runs the programs of command stages: on this machine, or somewhere that this machine asks.
///
/// An executor is one type conforming to this, named in ``CommandExecutors/all``; a stage chooses it with `run_on`.
/// Every executor passes the conformance suite of ``StageExecutor``.
package protocol CommandExecutor: StageExecutor where Work == CommandWork {
    /// The name by which a pipeline file chooses it.
    static var name: String { get }

    init(_ host: CommandHost)

    /// Finds out what has become of work that another process of Caudal began, which has died.
    func recover(_ identity: WorkIdentity) async -> RecoveredWork

    /// Takes work up again that ``recover(_:)`` found, and returns when it has ended, as ``execute(_:for:)`` does.
    func attach(to identity: WorkIdentity, _ work: CommandWork, for attempt: AttemptControl) async -> Execution
}

/// What has become of work whose engine died.
package enum RecoveredWork: Sendable, Hashable {
    /// It goes on, or its result is still there: an attempt can take it up again.
    case attachable
    /// Nothing of it goes on, and there is no result.
    case ended
    /// It cannot be told, and why: whether its work was done must be found out by its stage.
    case unknown(String)
}

/// What a machine gives to programs that run on it.
package struct CommandHost: Sendable {
    package let reactor: ProcessReactor
    /// The folder that programs start in.
    package let folder: String
    /// What a program's environment begins with.
    package let environment: InheritedEnvironment

    package init(reactor: ProcessReactor, folder: String, environment: [String: String]) {
        self.reactor = reactor
        self.folder = folder
        self.environment = InheritedEnvironment(environment)
    }
}

/// The executors of a run, by name.
package struct CommandExecutors: Sendable {
    /// The list to which a new executor is added; the first is the usual one.
    package static let all: [any CommandExecutor.Type] = [ProcessExecutor.self]
    /// The names that a pipeline file may give.
    package static let names = all.map { $0.name }

    private let executors: [String: any CommandExecutor]

    package init(_ host: CommandHost, types: [any CommandExecutor.Type] = all) {
        executors = Dictionary(uniqueKeysWithValues: types.map { ($0.name, $0.init(host)) })
    }

    /// The executor of a name.
    ///
    /// - Throws: ``Failure`` for a name that no executor has, as in a plan of a newer Caudal.
    package func named(_ name: String) throws(Failure) -> any CommandExecutor {
        guard let executor = executors[name] else {
            throw Failure(
                "there is no executor '\(name)'",
                remedy: "'run_on' must be \(executors.keys.sorted().formattedAsChoice)")
        }
        return executor
    }
}
