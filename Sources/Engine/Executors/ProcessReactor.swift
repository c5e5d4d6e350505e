package import CaudalModel
import CSystem
import Foundation
import Synchronization

/// Starts and supervises child processes on a few threads: reads their output, notices when they end, and ends what
/// they leave running.
///
/// Each thread waits in epoll for every pipe and for a pidfd of each of its children. Its state is its own; requests
/// reach it through a locked list and a wake-up. The threads also start the children: the kernel lists a thread's
/// children by thread, and orphans become children of a subreaper's first thread, so that this list contains only
/// orphans. There are several threads because starting a program blocks its thread until the program runs.
package final class ProcessReactor: Sendable {
    /// Receives a chunk of output; called on the reactor's thread.
    ///
    /// An empty chunk means that the stream has ended.
    package typealias OutputHandler = @Sendable (LogStream, UnsafeRawBufferPointer) -> Void

    private static let threadCount = 4
    /// One for each thread that could be started.
    private let mailboxes: [ReactorMailbox]
    /// Why some threads could not be started.
    private let refusal: Failure?

    /// Starts the threads.
    package init() {
        // Descendants whose parents die become children of this process, where they can be found.
        _ = cs_become_subreaper()
        let shared = SharedFacts()
        var refusal: Failure?
        mailboxes = (0..<Self.threadCount).compactMap { _ in
            let poll = cs_poll_create()
            let wake = cs_wake_create()
            do throws(Failure) {
                guard poll >= 0, wake >= 0, cs_poll_add(poll, wake, 0) == 0 else {
                    throw Failure(
                        "child processes cannot be supervised", errno: -min(poll, wake, -1),
                        remedy: "raise the limit on open files with 'ulimit -n'")
                }
                let mailbox = ReactorMailbox(wake: wake)
                let loop = ReactorLoop(poll: poll, mailbox: mailbox, shared: shared)
                try ServiceThread.start("children", stack: 1 << 20) { loop.run() }
                return mailbox
            } catch {
                for descriptor in [poll, wake] where descriptor >= 0 { close(descriptor) }
                refusal = error
                return nil
            }
        }
        self.refusal = refusal
    }

    deinit { for mailbox in mailboxes { mailbox.post(.shutDown) } }

    /// Assigns a child to the thread with the fewest: a thread that is starting a program serves no other child
    /// meanwhile.
    private func start(
        _ launch: ProcessLaunch, _ output: @escaping OutputHandler,
        _ reply: @escaping @Sendable (Result<ChildProcess, Failure>) -> Void
    ) {
        guard let mailbox = mailboxes.min(by: { $0.children < $1.children }) else {
            return reply(.failure(refusal ?? Failure("no child process can be supervised")))
        }
        mailbox.changeChildren(by: 1)
        mailbox.post(.start(launch, output, reply))
    }

    /// Starts a program.
    ///
    /// - Throws: ``Failure`` when the program cannot be started, with the reason and a remedy.
    package func start(_ launch: ProcessLaunch, output: @escaping OutputHandler) async throws(Failure) -> ChildProcess {
        let result = await withCheckedContinuation { continuation in
            start(launch, output) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Runs a program to its end.
    ///
    /// - Parameter onStart: Called on the reactor's thread as soon as the program runs. One wait instead of two makes
    ///   this cheaper than ``start(_:output:)``: a trivial stage costs a third less.
    /// - Throws: ``Failure`` when the program cannot be started, with the reason and a remedy.
    package func run(
        _ launch: ProcessLaunch, onStart: @escaping @Sendable (ChildProcess) -> Void = { _ in },
        output: @escaping OutputHandler
    ) async throws(Failure) -> ChildExit {
        let result: Result<ChildExit, Failure> = await withCheckedContinuation { continuation in
            start(launch, output) { started in
                switch started {
                case .success(let child):
                    onStart(child)
                    child.onExit { continuation.resume(returning: .success($0)) }
                case .failure(let failure): continuation.resume(returning: .failure(failure))
                }
            }
        }
        return try result.get()
    }
}

/// State that the threads share: the number of live children, and this process's peak memory.
final class SharedFacts: Sendable {
    private let count = Atomic<Int>(0)
    private let ownPeak = Atomic<Int>(0)

    /// Whether a resident set, in KiB, is no larger than this process's own peak has been.
    func isBelowOwnPeak(_ size: Int) -> Bool {
        // The peak only grows, so it is read again only when the known value is exceeded.
        if size <= ownPeak.load(ordering: .relaxed) { return true }
        ownPeak.store(cs_own_peak_kib(), ordering: .relaxed)
        return size <= ownPeak.load(ordering: .relaxed)
    }

    /// The number of live children.
    var childCount: Int { count.load(ordering: .relaxed) }
    func change(by difference: Int) { count.add(difference, ordering: .relaxed) }
}

/// Delivers requests to a thread of the reactor.
final class ReactorMailbox: Sendable {
    /// The requests to a thread.
    enum Request: Sendable {
        case start(ProcessLaunch, ProcessReactor.OutputHandler, @Sendable (Result<ChildProcess, Failure>) -> Void)
        case stop(UInt64)
        case shutDown
    }

    let wake: Int32
    /// The requests that the thread has not taken yet; nil once it has ended.
    private let requests = Mutex<[Request]?>([])
    private let count = Atomic<Int>(0)

    init(wake: Int32) { self.wake = wake }

    func post(_ request: Request) {
        // Under the lock, because the number may mean another file as soon as it is closed.
        requests.withLock { list in
            guard list != nil else { return }
            list?.append(request)
            cs_wake(wake)
        }
    }

    /// Called by the thread when it ends.
    func close() {
        requests.withLock { list in
            list = nil
            Foundation.close(wake)
        }
    }

    /// The number of children that the thread has or is about to start.
    var children: Int { count.load(ordering: .relaxed) }
    func changeChildren(by difference: Int) { count.add(difference, ordering: .relaxed) }

    func take() -> [Request] {
        requests.withLock { list in
            defer { list = [] }
            return list ?? []
        }
    }
}

/// Starts a program with pipes for its output.
enum Spawner {
    /// A started child: its identity, and the read ends of its pipes.
    struct Started {
        let identity: ProcessIdentity
        let output: Int32
        let errors: Int32
    }

    static func start(_ launch: ProcessLaunch) -> Result<Started, Failure> {
        // C strings end at a NUL byte: the rest would be lost silently.
        if launch.arguments.contains(where: { $0.utf8.contains(0) }) {
            return .failure(Failure("an argument of \(launch.program) holds a NUL character"))
        }
        if let variable = launch.variables.first(where: { $0.value.utf8.contains(0) }) {
            return .failure(Failure("the variable \(variable.key) of \(launch.program) holds a NUL character"))
        }
        var pipes: [Int32] = []
        for _ in 0..<2 {
            var ends: [Int32] = [-1, -1]
            let result = cs_pipe(&ends)
            guard result == 0 else {
                for end in pipes { close(end) }
                return .failure(
                    Failure(
                        "no pipe for \(launch.program)", errno: -result,
                        remedy: "raise the limit on open files with 'ulimit -n'"))
            }
            pipes += ends
        }
        var before = ProcessTable.now
        var pid = spawn(launch, output: pipes[1], errors: pipes[3])
        // A script that was just written may still be open for writing for a moment, in a child that another thread has
        // forked and that has not yet executed its program.
        for _ in 0..<20 where pid == -ETXTBSY {
            usleep(1000)
            before = ProcessTable.now
            pid = spawn(launch, output: pipes[1], errors: pipes[3])
        }
        close(pipes[1])
        close(pipes[3])
        launch.input?.closeChildEnd()
        guard pid > 0 else {
            close(pipes[0])
            close(pipes[2])
            return .failure(failure(of: launch, error: -pid))
        }
        // Usually the clock of process start times has not advanced meanwhile, and the kernel need not be asked.
        let identity =
            before == ProcessTable.now
            ? ProcessIdentity(pid: pid, startTicks: before, bootID: ProcessTable.bootID)
            : ProcessTable.identity(of: pid)
        return .success(Started(identity: identity, output: pipes[0], errors: pipes[2]))
    }

    private static func spawn(_ launch: ProcessLaunch, output: Int32, errors: Int32) -> Int32 {
        var own = launch.variables
        own[ProcessLaunch.markerVariable] = launch.marker
        let arguments = ([launch.program] + launch.arguments).map { strdup($0) } + [nil]
        let variables = own.map { strdup("\($0.key)=\($0.value)") }
        defer {
            for text in arguments { free(text) }
            for text in variables { free(text) }
        }
        let environment = variables + launch.inherited.texts(without: own) + [nil]
        let input = launch.input?.childEnd ?? launch.text?.descriptor ?? -1
        return withExtendedLifetime(launch.inherited) {
            guard let ledger = launch.ledger else {
                return cs_spawn(launch.program, arguments, environment, launch.folder, input, output, errors, 0)
            }
            return ledger.withNote(marker: launch.marker) { note in
                var note = note
                return cs_spawn_noted(
                    launch.program, arguments, environment, launch.folder, input, output, errors, 0, &note)
            }
        }
    }

    private static func failure(of launch: ProcessLaunch, error: Int32) -> Failure {
        if !FileText.exists(launch.folder) { return Failure("the folder \(launch.folder) is not there") }
        // The path as the pipeline file writes it, if it is inside of the project.
        let program =
            launch.folder == "/" ? launch.program : PathText.relative(launch.program, to: launch.folder)
        if access("/dev/null", R_OK) != 0 {
            return Failure(
                "\(program) cannot be started: /dev/null, which it would read from", errno: errno,
                remedy: "mount the devices of this machine at /dev")
        }
        switch error {
        case ENOENT where FileText.exists(launch.program):
            return Failure(
                "\(program) cannot be run: the interpreter in its first line does not exist",
                remedy: "check its first line and its line ends")
        case ENOENT: return Failure("\(program) is not there", remedy: "install it, or correct the path in 'run'")
        case EACCES:
            return Failure("\(program) is not executable", remedy: "make it executable: chmod +x \(program)")
        case ENOEXEC:
            return Failure("\(program) is no program", remedy: "begin it with a line such as #!/bin/sh")
        case ETXTBSY:
            return Failure("\(program) is open for writing", remedy: "retry when the program that writes it has ended")
        case ENOSPC where launch.ledger != nil:
            return Failure(
                "\(program) was not started: there is no space left to record it",
                remedy: "free some, then continue with 'caudal resume'")
        case E2BIG: return Failure("the arguments and variables of \(program) are too long")
        default: return Failure("\(program) cannot be started", errno: error)
        }
    }
}
