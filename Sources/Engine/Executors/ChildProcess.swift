package import CaudalModel
import CSystem
import Foundation
import Synchronization

/// The parameters for starting a process.
package struct ProcessLaunch: Sendable {
    /// The absolute path of the program, and its arguments without its own name.
    package var program: String
    package var arguments: [String]
    /// Its environment: what many processes share, and the variables that are added or replaced.
    package var inherited: InheritedEnvironment
    package var variables: [String: String]
    package var folder: String
    /// Marks the process and its descendants in their environments, so that descendants that leave the process group
    /// can be found.
    package var marker: String
    /// How long the process group may take to end after SIGTERM before it is killed.
    package var grace: Duration
    /// Where the process is recorded before it executes its program.
    package var ledger: SpawnLedger?
    /// A text that it reads; nil gives it nothing.
    package var text: UnnamedFile?
    /// The files whose writing is waited for when the process has ended; nil ends everything that it left running.
    package var awaited: AwaitedWrites?
    /// The way in, for a process that is told what to do while it runs.
    var input: ChildInput?

    package init(
        program: String, arguments: [String], inherited: InheritedEnvironment = InheritedEnvironment([:]),
        variables: [String: String], folder: String, marker: String, grace: Duration = .seconds(5),
        ledger: SpawnLedger? = nil, awaited: AwaitedWrites? = nil
    ) {
        self.program = program
        self.arguments = arguments
        self.inherited = inherited
        self.variables = variables
        self.folder = folder
        self.marker = marker
        self.grace = grace
        self.ledger = ledger
        self.awaited = awaited
    }

    /// A process that reads requests from its standard input.
    init(
        program: String, arguments: [String], variables: [String: String], folder: String, marker: String,
        grace: Duration, ledger: SpawnLedger?, input: ChildInput
    ) {
        self.init(
            program: program, arguments: arguments, variables: variables, folder: folder, marker: marker, grace: grace,
            ledger: ledger)
        self.input = input
    }

    /// The environment variable that contains the marker.
    package static let markerVariable = "CAUDAL_ATTEMPT_ID"
}

/// Variables that many processes share, converted once into the form that the kernel needs.
package final class InheritedEnvironment: Sendable {
    private let values: [String: String]
    /// The position of each variable in the texts.
    private let positions: [String: Int]
    private let texts: Texts

    /// `NAME=value` for each variable, as C strings.
    // @unchecked because nothing is written through the addresses until they are freed.
    private struct Texts: @unchecked Sendable {
        var addresses: [UnsafeMutablePointer<CChar>?] = []
    }

    package init(_ values: [String: String]) {
        self.values = values
        var (texts, positions) = (Texts(), [String: Int]())
        for (name, value) in values {
            positions[name] = texts.addresses.count
            texts.addresses.append(strdup("\(name)=\(value)"))
        }
        self.texts = texts
        self.positions = positions
    }

    deinit { for address in texts.addresses { free(address) } }

    package subscript(name: String) -> String? { values[name] }

    /// All of them.
    var all: [String: String] { values }

    /// `NAME=value` for each variable that is not in `others`; the texts live as long as this object.
    func texts(without others: [String: String]) -> [UnsafeMutablePointer<CChar>?] {
        var addresses = texts.addresses
        // From the end, so that earlier positions stay valid; a null entry would end the list.
        for position in others.keys.compactMap({ positions[$0] }).sorted(by: >) { addresses.remove(at: position) }
        return addresses
    }
}

/// How a child ended, and which processes it left running.
package struct ChildExit: Sendable, Hashable {
    package var exit: ProcessExit
    package var usage: ResourceUsage
    /// Processes of its group or with its marker that were still running when it ended, by name and number; they were
    /// ended too.
    package var leftBehind: [String]
    /// Whether it was killed because it did not end in time.
    package var wasKilled: Bool
    /// Processes besides the first one that wrote to a file that is waited for when all of them were asked to end, by name
    /// and number: what they wrote is cut.
    package var cutWriters: [String] = []
}

/// The files of a program that another process may still write when the program has ended, such as one that it started in
/// the background or after a pipe.
package struct AwaitedWrites: Sendable {
    /// The folder that holds them, absolute, with its links resolved.
    let folder: String
    /// Called once when that takes a while, on the reactor's thread, with the processes by name and number.
    let onWait: @Sendable ([String]) -> Void

    package init(folder: String, onWait: @escaping @Sendable ([String]) -> Void) {
        self.folder = FileIdentity(folder).path
        self.onWait = onWait
    }
}

extension ProcessExit {
    /// How a child ended, as the kernel told it.
    init(_ exit: cs_exit) {
        switch (exit.exited, exit.signaled) {
        case (0, _): self = .unknown
        case (_, 0): self = .exited(exit.status)
        default: self = .signaled(exit.status)
        }
    }
}

/// A running child in a process group of its own.
package final class ChildProcess: Sendable {
    /// Identifies the process for a later process that has to end it.
    package let identity: ProcessIdentity
    private let mailbox: ReactorMailbox
    private let token: UInt64
    private let ending: Mutex<Ending>

    private enum Ending {
        case open([@Sendable (ChildExit) -> Void])
        case ended(ChildExit)
    }

    init(identity: ProcessIdentity, mailbox: ReactorMailbox, token: UInt64) {
        self.identity = identity
        self.mailbox = mailbox
        self.token = token
        ending = Mutex(.open([]))
    }

    /// Waits until the process has ended, all of its output has been read and its process group is empty.
    package func exit() async -> ChildExit {
        await withCheckedContinuation { continuation in onExit { continuation.resume(returning: $0) } }
    }

    /// Calls `action` when that is so: on the reactor's thread, or immediately if it already is.
    func onExit(_ action: @escaping @Sendable (ChildExit) -> Void) {
        let known = ending.withLock { ending -> ChildExit? in
            switch ending {
            case .ended(let exit): return exit
            case .open(let waiting):
                ending = .open(waiting + [action])
                return nil
            }
        }
        if let known { action(known) }
    }

    /// Asks its process group to end, and kills the group after the launch's grace period.
    package func stop() { mailbox.post(.stop(token)) }

    /// Called once by the reactor.
    func finish(_ exit: ChildExit) {
        let waiting = ending.withLock { ending -> [@Sendable (ChildExit) -> Void] in
            guard case .open(let waiting) = ending else { return [] }
            ending = .ended(exit)
            return waiting
        }
        for action in waiting { action(exit) }
    }
}

/// Reads what the kernel knows about processes.
package enum ProcessTable {
    /// The id of the current boot.
    package static let bootID: String = {
        // Without it all boots look the same; processes are then identified by their start time alone.
        (try? FileText.read("/proc/sys/kernel/random/boot_id").trimmed) ?? ""
    }()

    /// The time in the unit of process start times: hundredths of a second since boot.
    static var now: UInt64 { UInt64(cs_steady_ns() / 10_000_000) }

    /// This process.
    package static var own: ProcessIdentity {
        var own = identity(of: getpid())
        own.session = getsid(0)
        return own
    }

    /// The identity of a process, by which it can be recognized later.
    package static func identity(of pid: Int32) -> ProcessIdentity {
        ProcessIdentity(pid: pid, startTicks: fields(of: pid)?.startTicks ?? 0, bootID: bootID)
    }

    /// Whether a recorded process is still running.
    package static func isAlive(_ identity: ProcessIdentity) -> Bool {
        guard identity.bootID == bootID, let fields = fields(of: identity.pid) else { return false }
        return fields.startTicks == identity.startTicks && fields.state != "Z"
    }

    struct Fields {
        var name: String
        var state: Character
        var parent: Int32
        var group: Int32
        var session: Int32
        var startTicks: UInt64
    }

    /// All running processes, by their numbers.
    static func snapshot() -> [Int32: Fields] {
        Dictionary(all().compactMap { pid in fields(of: pid).map { (pid, $0) } }) { $1 }
    }

    /// Fields of `/proc/PID/stat`; nil when there is no such process.
    static func fields(of pid: Int32) -> Fields? {
        guard let bytes = try? FileText.bytes("/proc/\(pid)/stat"), let open = bytes.firstIndex(of: 0x28),
            let close = bytes.lastIndex(of: 0x29)
        else { return nil }
        let rest = bytes[(close + 1)...].split(separator: 0x20, maxSplits: 20)
        guard rest.count > 19, let state = rest[0].first else { return nil }
        func number(_ index: Int) -> UInt64? {
            rest[index].reduce(0 as UInt64?) { sum, digit in
                (0x30...0x39).contains(digit) ? sum.map { $0 &* 10 &+ UInt64(digit - 0x30) } : nil
            }
        }
        guard let parent = number(1), let group = number(2), let session = number(3), let start = number(19) else {
            return nil
        }
        return Fields(
            name: String(decoding: bytes[(open + 1)..<close], as: UTF8.self), state: Character(UnicodeScalar(state)),
            parent: Int32(clamping: parent), group: Int32(clamping: group), session: Int32(clamping: session),
            startTicks: start)
    }

    /// The numbers of all running processes.
    static func all() -> [Int32] {
        // Without /proc no processes can be found.
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    /// The live members of a process group, with their names.
    static func members(ofGroup group: Int32) -> [(pid: Int32, name: String)] {
        all().compactMap { pid in
            guard let fields = fields(of: pid), fields.group == group, fields.state != "Z" else { return nil }
            return (pid, fields.name)
        }
    }

    /// Whether a process has a file in a folder open for writing.
    ///
    /// - Parameter folder: Its path with links resolved.
    static func writes(_ pid: Int32, in folder: String) -> Bool {
        // A process that has ended has none open, and one of another user cannot be looked at.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
        return names.contains { name in
            let link = "/proc/\(pid)/fd/\(name)"
            var status = stat()
            // The kernel shows by the link's own permissions what the file is open for.
            guard lstat(link, &status) == 0, status.st_mode & S_IWUSR != 0,
                let path = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
            else { return false }
            // A file without a name is not published.
            return path.hasPrefix(folder + "/") && !path.hasSuffix(" (deleted)")
        }
    }

    /// The processes whose environment contains `variable=value`, or a value that begins so, with their names.
    package static func marked(_ variable: String, beginning value: String) -> [(pid: Int32, name: String)] {
        let wanted = Array("\(variable)=\(value)".utf8)
        return all().compactMap { pid in
            guard pid != getpid(), let environment = try? FileText.bytes("/proc/\(pid)/environ"),
                environment.split(separator: 0).contains(where: { $0.starts(with: wanted) }),
                let fields = fields(of: pid), fields.state != "Z"
            else { return nil }
            return (pid, fields.name)
        }
    }

    /// The children of this process's first thread, to which the kernel gives orphaned descendants.
    static func adoptedChildren() -> [Int32] {
        // Read at the end of each child: an open descriptor avoids a lookup each time.
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(children, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    /// The kernel's list of these children; without it none are found.
    private static let children = open("/proc/self/task/\(getpid())/children", O_RDONLY | O_CLOEXEC)
}
