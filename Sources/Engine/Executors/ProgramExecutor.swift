package import CaudalModel

/// Runs the programs of attempts: on this machine, or somewhere that this machine asks.
///
/// An executor is a type that conforms to this, and a case of ``ProgramExecutors/executor(for:)``. Every executor passes
/// the conformance suite of executors.
package protocol ProgramExecutor: Sendable {
    /// Runs a program, hands on what it writes, and returns when it and all of its processes have ended.
    ///
    /// What does the work is told to `attempt`, as is how it is stopped.
    /// - Throws: ``Failure`` when the program could not be run, or nothing can be heard of it any more.
    func run(
        _ call: ProgramCall, for attempt: AttemptControl, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd

    /// Finds out what has become of work that another process of Caudal began, which has died.
    func recover(_ identity: WorkIdentity, _ launch: LaunchFolder) async -> RecoveredWork

    /// Takes work up again that ``recover(_:_:)`` found, and returns when it has ended, as
    /// ``run(_:for:output:)`` does.
    ///
    /// - Throws: ``Failure`` when nothing can be heard of it any more.
    func attach(
        to identity: WorkIdentity, _ call: ProgramCall, for attempt: AttemptControl,
        output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd

    /// Makes sure that nothing of earlier tries goes on or will begin, ends what does, and notes that in their folders.
    ///
    /// `launches`: tries of which that is not known, all of this executor's place.
    /// - Returns: What was ended, in words.
    /// - Throws: ``Failure`` when it cannot be found out, or does not end.
    func settle(_ launches: [LaunchFolder]) async throws(Failure) -> [String]
}

extension ProgramExecutor {
    package func recover(_ identity: WorkIdentity, _ launch: LaunchFolder) async -> RecoveredWork { .ended }

    package func attach(
        to identity: WorkIdentity, _ call: ProgramCall, for attempt: AttemptControl,
        output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        throw Failure("nothing can be heard of \(identity) any more")
    }

    // What runs on this machine is found by its marker, and needs no note.
    package func settle(_ launches: [LaunchFolder]) async throws(Failure) -> [String] { [] }
}

/// A program to run for an attempt, wherever it runs.
package struct ProgramCall: Sendable {
    /// The program's name or path, as it is written, and its arguments without its own name.
    package var program: String
    package var arguments: [String]
    /// The variables that it gets besides those that are there.
    package var variables: [String: String]
    /// The folder that it starts in; nil means the project's root.
    package var folder: String?
    /// The folder of the attempt, in which an executor keeps what it needs.
    package var workFolder: String?
    /// The paths that it reads and those that it writes, as far as they are known.
    package var reads: [String]
    package var writes: [String]
    /// What it may use.
    package var resources: Resources
    /// Whether it is a program of the user: it gets the variables of Caudal's environment, and is looked for on PATH.
    ///
    /// Otherwise it is one that Caudal has found itself.
    package var isOfUser: Bool
    /// The name under which a target or an image says where the program lies there.
    package var tool: Tool?

    /// Programs that Caudal chooses.
    package enum Tool: Sendable, Hashable { case duckDB }

    package init(
        program: String, arguments: [String], variables: [String: String], folder: String? = nil,
        workFolder: String? = nil, reads: [String] = [], writes: [String] = [], resources: Resources = Resources(),
        isOfUser: Bool = true, tool: Tool? = nil
    ) {
        self.program = program
        self.arguments = arguments
        self.variables = variables
        self.folder = folder
        self.workFolder = workFolder
        self.reads = reads
        self.writes = writes
        self.resources = resources
        self.isOfUser = isOfUser
        self.tool = tool
    }
}

extension ProgramCall {
    /// The files whose writing is waited for when the program has ended; nil where it writes none that are known.
    func awaitedWrites(_ attempt: AttemptControl) -> AwaitedWrites? {
        guard isOfUser, !writes.isEmpty, let workFolder else { return nil }
        return AwaitedWrites(folder: workFolder) { [log = attempt.log] writers in
            log.note("the program has ended, and its output is still written by \(writers.joined(separator: ", "))")
        }
    }
}

/// How a program ended.
package struct ProgramEnd: Sendable, Hashable {
    package var exit: ProcessExit
    /// What it used; nil where nobody could measure it.
    package var usage: ResourceUsage?
    /// Processes that were still running when it ended, and were ended too.
    package var leftBehind: [String]
    /// Whether it was killed because it did not end in time.
    package var wasKilled: Bool
    /// What its exit means where it ran, instead of the usual words.
    package var meaning: String?
    /// Processes that were ended while they wrote what it was to write.
    package var cutWriters: [String] = []

    package init(
        exit: ProcessExit, usage: ResourceUsage? = nil, leftBehind: [String] = [], wasKilled: Bool = false,
        meaning: String? = nil
    ) {
        self.exit = exit
        self.usage = usage
        self.leftBehind = leftBehind
        self.wasKilled = wasKilled
        self.meaning = meaning
    }

    init(_ child: ChildExit) {
        self.init(exit: child.exit, usage: child.usage, leftBehind: child.leftBehind, wasKilled: child.wasKilled)
        cutWriters = child.cutWriters
    }

    /// The end that an exit status tells of by the convention of shells: above 128 it names a signal.
    mutating func takeSignalFromStatus() {
        if case .exited(let status) = exit, (129...159).contains(status) { exit = .signaled(status - 128) }
    }
}

/// What has become of work whose engine died.
package enum RecoveredWork: Sendable, Hashable {
    /// It goes on, or its result is still there: an attempt can take it up again.
    case attachable
    /// Nothing of it goes on, and there is no result.
    case ended
    /// It cannot be told, and why.
    case unknown(String)
}

/// What a machine gives to programs that run on it.
package struct ProgramHost: Sendable {
    package let reactor: ProcessReactor
    /// The folder that programs start in: the project's root.
    package let folder: String
    /// What a program's environment begins with.
    package let environment: InheritedEnvironment
    /// The folder with everything that Caudal records, and in it the one that attempts of the run stage in; nil outside
    /// of runs.
    package let state: String?
    package let staging: String?

    package init(
        reactor: ProcessReactor, folder: String, environment: [String: String], state: String? = nil,
        staging: String? = nil
    ) {
        self.reactor = reactor
        self.folder = folder
        self.environment = InheritedEnvironment(environment)
        self.state = state
        self.staging = staging
    }

    /// The same, with variables that differ from those of the environment.
    func with(_ variables: [String: String]) -> ProgramHost {
        if variables.allSatisfy({ environment[$0.key] == $0.value }) { return self }
        return ProgramHost(
            reactor: reactor, folder: folder, environment: environment.all.merging(variables) { $1 }, state: state,
            staging: staging)
    }

    /// The variables of a call, and those of this machine's environment that a place passes on by their names.
    func variables(of call: ProgramCall, passing names: [String]) -> [String: String] {
        names.reduce(into: call.variables) { $0[$1] = $0[$1] ?? environment[$1] }
    }

    /// The path of a program of this machine; nil when PATH does not have it.
    func program(_ name: String) -> String? {
        try? ProcessExecutor.find(name, path: environment["PATH"] ?? ProgramPath.usual, folder: folder)
    }
}
