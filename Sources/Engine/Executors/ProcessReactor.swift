import CSystem
import Foundation
import Synchronization

/// Starts child processes and looks after them from a few threads: reads what they write, notices their ends, and ends
/// what they leave behind.
///
/// Each thread waits in epoll on every pipe and on a pidfd for each of its children. All that it knows about a child is
/// its own; requests reach it through a locked list and a wake-up. It starts the children too, so that the kernel lists
/// only orphans, which come to a subreaper's first thread, among the children of that thread. There are several threads
/// because starting a program holds its thread up until the program runs.
package final class ProcessReactor: Sendable {
    /// Takes a chunk of output; called on the reactor's thread.
    ///
    /// An empty chunk says that the stream has ended.
    package typealias OutputHandler = @Sendable (LogStream, UnsafeRawBufferPointer) -> Void

    private static let threadCount = 4
    /// One for each thread that could be had.
    private let mailboxes: [ReactorMailbox]
    /// Why there are fewer than there should be.
    private let refusal: Failure?

    /// Starts the threads.
    package init() {
        // Descendants whose parents die come to this process, where they can be found and named.
        _ = cs_become_subreaper()
        let shared = SharedFacts()
        var refusal: Failure?
        mailboxes = (0..<Self.threadCount).compactMap { _ in
            let poll = cs_poll_create()
            let wake = cs_wake_create()
            do throws(Failure) {
                guard poll >= 0, wake >= 0, cs_poll_add(poll, wake, 0) == 0 else {
                    throw Failure(
                        "children cannot be looked after: \(String(cString: strerror(-min(poll, wake, -1))))",
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

    /// Hands a child to the thread that has the fewest: one that waits for a program to begin looks after no other.
    private func start(
        _ launch: ProcessLaunch, _ output: @escaping OutputHandler,
        _ reply: @escaping @Sendable (Result<ChildProcess, Failure>) -> Void
    ) {
        guard let mailbox = mailboxes.min(by: { $0.children < $1.children }) else {
            return reply(.failure(refusal ?? Failure("no child can be looked after")))
        }
        mailbox.changeChildren(by: 1)
        mailbox.post(.start(launch, output, reply))
    }

    /// Starts a program.
    ///
    /// - Throws: ``Failure`` that says why it cannot be run and what to do.
    package func start(_ launch: ProcessLaunch, output: @escaping OutputHandler) async throws(Failure) -> ChildProcess {
        let result = await withCheckedContinuation { continuation in
            start(launch, output) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Runs a program to its end.
    ///
    /// `onStart`: called on the reactor's thread as soon as the program runs. One wait instead of two is what makes
    /// this cheaper than ``start(_:output:)``: a stage that does next to nothing costs a third less.
    /// - Throws: ``Failure`` that says why it cannot be run and what to do.
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

/// What the threads share: how many children are alive, and how large this process has been.
final class SharedFacts: Sendable {
    private let count = Atomic<Int>(0)
    private let ownPeak = Atomic<Int>(0)

    /// Whether a resident set, in KiB, is none beyond that which this process itself has had.
    func isBelowOwnPeak(_ size: Int) -> Bool {
        // It only grows, so that it is asked for anew only when what is known of it is exceeded.
        if size <= ownPeak.load(ordering: .relaxed) { return true }
        ownPeak.store(cs_own_peak_kib(), ordering: .relaxed)
        return size <= ownPeak.load(ordering: .relaxed)
    }

    /// How many children are alive.
    var living: Int { count.load(ordering: .relaxed) }
    func change(by difference: Int) { count.add(difference, ordering: .relaxed) }
}

/// Carries requests to a thread of the reactor.
final class ReactorMailbox: Sendable {
    /// What the thread is asked to do.
    enum Request: Sendable {
        case start(ProcessLaunch, ProcessReactor.OutputHandler, @Sendable (Result<ChildProcess, Failure>) -> Void)
        case stop(UInt64)
        case shutDown
    }

    let wake: Int32
    private let requests = Mutex<[Request]>([])
    private let count = Atomic<Int>(0)

    init(wake: Int32) { self.wake = wake }

    func post(_ request: Request) {
        requests.withLock { $0.append(request) }
        cs_wake(wake)
    }

    /// How many children the thread has, or will have.
    var children: Int { count.load(ordering: .relaxed) }
    func changeChildren(by difference: Int) { count.add(difference, ordering: .relaxed) }

    func take() -> [Request] {
        requests.withLock { list in
            defer { list = [] }
            return list
        }
    }
}

/// Starts a program with pipes for what it writes.
enum Spawner {
    /// A child that was started: who it is, and the reading ends of its pipes.
    struct Started {
        let identity: ProcessIdentity
        let output: Int32
        let errors: Int32
    }

    static func start(_ launch: ProcessLaunch) -> Result<Started, Failure> {
        // The kernel's texts end at a NUL: what stands behind it would be lost without a word.
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
                        "no pipe for \(launch.program): \(String(cString: strerror(-result)))",
                        remedy: "raise the limit on open files with 'ulimit -n'"))
            }
            pipes += ends
        }
        var before = ProcessTable.now
        var pid = spawn(launch, output: pipes[1], errors: pipes[3])
        // A script that was just written may be open for writing for another moment, in a child that another thread
        // has forked and that has not begun its own program.
        for _ in 0..<20 where pid == -ETXTBSY {
            usleep(1000)
            before = ProcessTable.now
            pid = spawn(launch, output: pipes[1], errors: pipes[3])
        }
        close(pipes[1])
        close(pipes[3])
        guard pid > 0 else {
            close(pipes[0])
            close(pipes[2])
            return .failure(failure(of: launch, error: -pid))
        }
        // Nearly always the clock that tells processes apart stood still meanwhile, and the kernel need not be asked.
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
        return withExtendedLifetime(launch.inherited) {
            guard let ledger = launch.ledger else {
                return cs_spawn(launch.program, arguments, environment, launch.folder, -1, output, errors, 0)
            }
            return ledger.withNote(marker: launch.marker) { note in
                var note = note
                return cs_spawn_noted(
                    launch.program, arguments, environment, launch.folder, -1, output, errors, 0, &note)
            }
        }
    }

    private static func failure(of launch: ProcessLaunch, error: Int32) -> Failure {
        if !FileText.exists(launch.folder) { return Failure("the folder \(launch.folder) is not there") }
        // As the pipeline file writes it, where it lies in the project.
        let program = PathText.relative(launch.program, to: launch.folder)
        switch error {
        case ENOENT where FileText.exists(launch.program):
            return Failure(
                "\(program) cannot be run: the interpreter it names is not there",
                remedy: "look at its first line, and at its line ends")
        case ENOENT: return Failure("\(program) is not there", remedy: "install it, or mend the path in 'run'")
        case EACCES:
            return Failure("\(program) may not be run", remedy: "make it executable: chmod +x \(program)")
        case ENOEXEC:
            return Failure("\(program) is no program", remedy: "begin it with a line such as #!/bin/sh")
        case ETXTBSY:
            return Failure("\(program) is open for writing", remedy: "retry when whoever writes it has ended")
        case ENOSPC where launch.ledger != nil:
            return Failure(
                "\(program) was not started: there is no space left to record it",
                remedy: "free some, then continue with 'caudal resume'")
        case E2BIG: return Failure("the arguments and variables of \(program) are too long")
        default: return Failure("\(program) cannot be started: \(String(cString: strerror(error)))")
        }
    }
}
