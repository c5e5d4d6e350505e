import CaudalModel
import CSystem
import Foundation

/// One thread of ``ProcessReactor``; everything here runs on it, in sequence.
final class ReactorLoop: Sendable {
    /// The interval for checking a process group that was asked to end, in nanoseconds.
    private static let interval: Int64 = 20_000_000
    /// How long pipes are read after the last known process has ended: an unknown one may still hold them open.
    private static let drainLimit: Int64 = 200_000_000
    /// How long what an ended child left running has to open its output: a shell that starts a program behind a pipe may end
    /// before that has begun.
    private static let openingLimit: Int64 = 500_000_000
    /// The longest pause between two looks at who still writes.
    private static let longestPause: Int64 = 320_000_000
    /// After how long it is told that somebody still writes.
    private static let patience: Int64 = 2_000_000_000

    private let poll: Int32
    private let mailbox: ReactorMailbox
    /// The state that all threads share.
    private let shared: SharedFacts

    init(poll: Int32, mailbox: ReactorMailbox, shared: SharedFacts) {
        self.poll = poll
        self.mailbox = mailbox
        self.shared = shared
    }

    /// A child and its callbacks.
    private struct Child {
        let pid: Int32
        let output: Int32
        let errors: Int32
        let marker: String
        let grace: Duration
        let awaited: AwaitedWrites?
        let process: ChildProcess
        let handler: ProcessReactor.OutputHandler
    }

    /// The state of a child.
    private struct Record {
        enum Phase {
            case running
            /// It was asked to end; it is killed at this time.
            case stopping(killAt: Int64)
            case killed
        }

        let child: Child
        let pidfd: Int32
        var phase = Phase.running
        var outputIsOpen = true
        var errorsAreOpen = true
        /// How the first process of the group ended; nil until it has.
        var exit: cs_exit?
        var leftBehind: [String] = []
        var wasKilled = false
        /// When pipes are closed that no known process holds open.
        var closeAt: Int64?
        /// Whether the group has been seen without members after its first process ended: the kernel may reuse its number.
        var groupIsGone = false
        var wait = Wait()
        var cutWriters: [String] = []

        /// What is known of processes that may still write the child's output.
        struct Wait {
            /// When they are looked at again, and how long the next pause is.
            var lookAt: Int64 = 0
            var pause = ReactorLoop.interval
            /// Until when they may open the output.
            var openBy: Int64?
            /// Since when somebody writes.
            var since: Int64?
            var isTold = false
        }
    }

    func run() {
        Self.dropChildSignals()
        var records: [UInt64: Record] = [:]
        var nextToken: UInt64 = 1
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var tokens = [UInt64](repeating: 0, count: 64)
        while true {
            let count = cs_poll_wait(poll, &tokens, Int32(tokens.count), timeout(records))
            // Cleared before the requests are taken: a request that arrives in between wakes the thread again.
            if tokens.prefix(max(0, Int(count))).contains(0) { cs_wake_clear(mailbox.wake) }
            for request in mailbox.take() {
                switch request {
                case .start(let launch, let handler, let reply):
                    let started = start(launch, handler, token: nextToken, &records)
                    if case .failure = started { mailbox.changeChildren(by: -1) }
                    reply(started)
                    nextToken += 1
                case .stop(let token): stop(token, &records)
                case .shutDown:
                    mailbox.close()
                    close(poll)
                    return
                }
            }
            for token in tokens.prefix(max(0, Int(count))) where token != 0 { handle(token, &records, &buffer) }
            watch(&records, &buffer)
        }
    }

    /// Makes the kernel discard SIGCHLD, which no code here waits for.
    ///
    /// Threads made by Foundation block it, and the kernel keeps a blocked signal pending for the process: the end of
    /// each child would needlessly wake the main thread and the signal thread.
    private static func dropChildSignals() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGCHLD)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Milliseconds until a process group must be checked again; -1 for none.
    private func timeout(_ records: [UInt64: Record]) -> Int32 {
        let hasDeadline = records.values.contains { record in
            if case .running = record.phase { record.exit != nil || record.pidfd < 0 } else { true }
        }
        return hasDeadline ? Int32(Self.interval / 1_000_000) : -1
    }

    // MARK: - Requests

    private func start(
        _ launch: ProcessLaunch, _ handler: @escaping ProcessReactor.OutputHandler, token: UInt64,
        _ records: inout [UInt64: Record]
    ) -> Result<ChildProcess, Failure> {
        Spawner.start(launch).map { started in
            let process = ChildProcess(identity: started.identity, mailbox: mailbox, token: token)
            let pidfd = cs_pidfd_open(started.identity.pid)
            let child = Child(
                pid: started.identity.pid, output: started.output, errors: started.errors, marker: launch.marker,
                grace: launch.grace, awaited: launch.awaited, process: process, handler: handler)
            records[token] = Record(child: child, pidfd: pidfd)
            shared.change(by: 1)
            cs_poll_add(poll, started.output, token << 2 | 1)
            cs_poll_add(poll, started.errors, token << 2 | 2)
            // The pidfd of a child that has already ended is readable immediately.
            if pidfd >= 0 { cs_poll_add(poll, pidfd, token << 2 | 3) }
            return process
        }
    }

    private func stop(_ token: UInt64, _ records: inout [UInt64: Record]) {
        guard var record = records[token], case .running = record.phase else { return }
        if let awaited = record.child.awaited {
            // The status of the first process does not tell what becomes of the others.
            record.cutWriters = remnants(of: record).filter {
                $0.pid != record.child.pid && ProcessTable.writes($0.pid, in: awaited.folder)
            }.map(\.name)
        }
        if groupIsAlive(&record) {
            kill(-record.child.pid, SIGTERM)
            // A stopped process cannot handle SIGTERM: it is continued first.
            kill(-record.child.pid, SIGCONT)
        }
        let grace = Int64(record.child.grace.seconds * 1e9)
        record.phase = .stopping(killAt: cs_steady_ns() + grace)
        records[token] = record
    }

    // MARK: - Events

    private func handle(_ token: UInt64, _ records: inout [UInt64: Record], _ buffer: inout [UInt8]) {
        guard var record = records[token >> 2] else { return }
        switch token & 3 {
        case 1: read(.stdout, &record, &buffer, all: false)
        case 2: read(.stderr, &record, &buffer, all: false)
        default: handleLeaderExit(&record, &buffer)
        }
        records[token >> 2] = record
    }

    /// Reads one chunk, or everything that a process wrote before it ended.
    ///
    /// That is at most what a pipe holds. Another process may keep writing faster than this reads, so there is a limit.
    private func read(_ stream: LogStream, _ record: inout Record, _ buffer: inout [UInt8], all: Bool) {
        let isOpen = stream == .stdout ? record.outputIsOpen : record.errorsAreOpen
        let descriptor = stream == .stdout ? record.child.output : record.child.errors
        guard isOpen else { return }
        var left = all ? Int(cs_pipe_capacity(descriptor)) : 0
        repeat {
            let count = Foundation.read(descriptor, &buffer, buffer.count)
            if count > 0 {
                left -= count
                buffer.withUnsafeBytes {
                    record.child.handler(stream, UnsafeRawBufferPointer(rebasing: $0.prefix(count)))
                }
            } else if count == 0 || errno != EAGAIN && errno != EINTR {
                closeStream(stream, &record)
                return
            } else {
                return
            }
        } while left > 0
    }

    private func closeStream(_ stream: LogStream, _ record: inout Record) {
        let descriptor = stream == .stdout ? record.child.output : record.child.errors
        cs_poll_remove(poll, descriptor)
        close(descriptor)
        if stream == .stdout { record.outputIsOpen = false } else { record.errorsAreOpen = false }
        record.child.handler(stream, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// The first process of the group has ended: its output is read, then its status is collected.
    private func handleLeaderExit(_ record: inout Record, _ buffer: inout [UInt8]) {
        guard record.exit == nil else { return }
        if record.pidfd >= 0 {
            cs_poll_remove(poll, record.pidfd)
            close(record.pidfd)
        }
        read(.stdout, &record, &buffer, all: true)
        read(.stderr, &record, &buffer, all: true)
        var exit = cs_exit()
        cs_reap(record.child.pid, &exit)
        record.exit = exit
    }

    // MARK: - Ends

    /// Advances every child that is ending.
    private func watch(_ records: inout [UInt64: Record], _ buffer: inout [UInt8]) {
        let now = cs_steady_ns()
        for token in Array(records.keys) {
            guard var record = records[token] else { continue }
            // Without a pidfd, for lack of descriptors, the end of the process is not signalled.
            if record.pidfd < 0, record.exit == nil, cs_peek(record.child.pid) != 0 {
                handleLeaderExit(&record, &buffer)
            }
            if case .stopping(let killAt) = record.phase, now >= killAt, groupIsAlive(&record) {
                record.wasKilled = true
                record.phase = .killed
                kill(-record.child.pid, SIGKILL)
            }
            if record.exit != nil, sweep(&record, now, &buffer) {
                records[token] = nil
                shared.change(by: -1)
                mailbox.changeChildren(by: -1)
                finish(record)
            } else {
                records[token] = record
            }
        }
    }

    /// Whether the process group has a live member.
    ///
    /// The kernel does not reuse a group's number while the group has members, or while its first process is a zombie.
    private func groupIsAlive(_ record: inout Record) -> Bool {
        if record.exit == nil { return true }
        if record.groupIsGone { return false }
        // Orphans of the group that have ended are zombies, and the kernel counts them until they are reaped.
        while waitpid(-record.child.pid, nil, WNOHANG) > 0 {}
        record.groupIsGone = kill(-record.child.pid, 0) != 0
        return !record.groupIsGone
    }

    /// The live processes of a child: its group, and descendants that have left it, each as it is told to people.
    private func remnants(of record: Record) -> [(pid: Int32, name: String)] {
        let group = record.groupIsGone ? [] : ProcessTable.members(ofGroup: record.child.pid)
        return group.map { ($0.pid, "\($0.name) (\($0.pid))") }
            + escapedDescendants(of: record).map { ($0.pid, "\($0.name) (\($0.pid), in a session of its own)") }
    }

    /// Whether something that an ended child left running still writes its output, or may be about to.
    ///
    /// As long as one of them writes, all go on: one may be what another one reads from.
    private func waitsForWriters(_ record: inout Record, _ now: Int64) -> Bool {
        guard let awaited = record.child.awaited else { return false }
        if now < record.wait.lookAt { return true }
        let left = groupIsAlive(&record) ? remnants(of: record) : escapedDescendants(of: record)
        if left.isEmpty { return false }
        let writers = left.filter { ProcessTable.writes($0.pid, in: awaited.folder) }
        if writers.isEmpty {
            let openBy = record.wait.openBy ?? now + Self.openingLimit
            record.wait = Record.Wait(openBy: openBy, isTold: record.wait.isTold)
            return now < openBy
        }
        let since = record.wait.since ?? now
        record.wait.since = since
        record.wait.openBy = nil
        record.wait.lookAt = now + record.wait.pause
        record.wait.pause = min(2 * record.wait.pause, Self.longestPause)
        if !record.wait.isTold, now - since >= Self.patience {
            record.wait.isTold = true
            awaited.onWait(writers.map(\.name))
        }
        return true
    }

    /// Ends what an ended child left running; returns whether nothing is left.
    private func sweep(_ record: inout Record, _ now: Int64, _ buffer: inout [UInt8]) -> Bool {
        if case .running = record.phase, waitsForWriters(&record, now) { return false }
        if groupIsAlive(&record) {
            if case .running = record.phase {
                record.leftBehind += ProcessTable.members(ofGroup: record.child.pid).map { "\($0.name) (\($0.pid))" }
                kill(-record.child.pid, SIGTERM)
                kill(-record.child.pid, SIGCONT)
                let grace = min(Int64(record.child.grace.seconds * 1e9), 1_000_000_000)
                record.phase = .stopping(killAt: now + grace)
            }
            return false
        }
        let escaped = escapedDescendants(of: record)
        if !escaped.isEmpty {
            record.leftBehind += escaped.map { "\($0.name) (\($0.pid), in a session of its own)" }
                .filter { !record.leftBehind.contains($0) }
            for process in escaped { kill(process.pid, SIGKILL) }
            return false
        }
        read(.stdout, &record, &buffer, all: true)
        read(.stderr, &record, &buffer, all: true)
        guard record.outputIsOpen || record.errorsAreOpen else { return true }
        guard let closeAt = record.closeAt else {
            record.closeAt = now + Self.drainLimit
            return false
        }
        return now >= closeAt
    }

    /// Descendants that left the group: orphans adopted by this process that have the child's marker.
    ///
    /// An orphan that cleared its environment is attributed to the child when no other child could be its parent.
    private func escapedDescendants(of record: Record) -> [(pid: Int32, name: String)] {
        let others = shared.childCount - 1
        return ProcessTable.adoptedChildren().compactMap { pid in
            // A member of this process's own group is a child that other code here has started.
            guard let fields = ProcessTable.fields(of: pid), fields.group != getpgrp() else { return nil }
            if fields.state == "Z" {
                waitpid(pid, nil, WNOHANG)
                return nil
            }
            // A process whose environment cannot be read has just ended.
            let environment = (try? FileText.bytes("/proc/\(pid)/environ")) ?? []
            let prefix = Array("\(ProcessLaunch.markerVariable)=".utf8)
            let marker = environment.split(separator: 0).first { $0.starts(with: prefix) }
            // What looks after a container ends with it, and cleans up behind it.
            if marker == nil, Self.containerMonitors.contains(fields.name) { return nil }
            if let marker {
                return marker.dropFirst(prefix.count).elementsEqual(record.child.marker.utf8) ? (pid, fields.name) : nil
            }
            return others == 0 ? (pid, "\(fields.name), perhaps of an earlier stage: its environment was wiped,") : nil
        }
    }

    /// Programs that container engines leave running beside a container, without the variables of those who started them.
    private static let containerMonitors: Set = ["conmon", "podman"]

    private func finish(_ record: Record) {
        var record = record
        if record.outputIsOpen { closeStream(.stdout, &record) }
        if record.errorsAreOpen { closeStream(.stderr, &record) }
        let exit = record.exit ?? cs_exit()
        // Whole milliseconds, as in the journal, so that live figures equal recorded ones.
        let usage = ResourceUsage(
            user: .milliseconds((exit.user_us + 500) / 1000), system: .milliseconds((exit.system_us + 500) / 1000),
            // A child shares this process's memory until it executes its program, and the kernel counts that as the
            // child's.
            peakMemory: shared.isBelowOwnPeak(Int(exit.peak_kib)) ? 0 : exit.peak_kib * 1024)
        record.child.process.finish(
            ChildExit(
                exit: ProcessExit(exit), usage: usage,
                leftBehind: record.leftBehind, wasKilled: record.wasKilled, cutWriters: record.cutWriters))
    }
}
