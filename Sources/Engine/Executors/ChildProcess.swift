import CSystem
import Foundation
import Synchronization

/// What to start.
package struct ProcessLaunch: Sendable {
    /// The program, absolute, and its arguments after its own name.
    package var program: String
    package var arguments: [String]
    /// Its environment: what many processes have in common, and what is laid over that.
    package var inherited: InheritedEnvironment
    package var variables: [String: String]
    package var folder: String
    /// Marks the process and its descendants in their environments, so that those that escape can be found.
    package var marker: String
    /// How long the group has between being asked to end and being killed.
    package var grace: Duration
    /// Where the process is noted before it begins its program.
    package var ledger: SpawnLedger?

    package init(
        program: String, arguments: [String], inherited: InheritedEnvironment = InheritedEnvironment([:]),
        variables: [String: String], folder: String, marker: String, grace: Duration = .seconds(5),
        ledger: SpawnLedger? = nil
    ) {
        self.program = program
        self.arguments = arguments
        self.inherited = inherited
        self.variables = variables
        self.folder = folder
        self.marker = marker
        self.grace = grace
        self.ledger = ledger
    }

    /// The variable that carries the marker.
    package static let markerVariable = "CAUDAL_ATTEMPT_ID"
}

/// Variables that many processes are started with, put into the form that the kernel takes once for all of them.
package final class InheritedEnvironment: Sendable {
    private let values: [String: String]
    /// Where each variable is among the texts.
    private let positions: [String: Int]
    private let texts: Texts

    /// `NAME=value` for each variable, as C has it.
    // @unchecked because nothing is ever written through the addresses until they are freed.
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

    /// `NAME=value` for each variable that is not among others; they live as long as this does.
    func texts(without others: [String: String]) -> [UnsafeMutablePointer<CChar>?] {
        var addresses = texts.addresses
        // From behind, so that those before stay where they are; a gap would be taken for the end.
        for position in others.keys.compactMap({ positions[$0] }).sorted(by: >) { addresses.remove(at: position) }
        return addresses
    }
}

/// How a child ended, and what it left behind.
package struct ChildExit: Sendable, Hashable {
    package var exit: ProcessExit
    package var usage: ResourceUsage
    /// Processes that were still there when it had ended, by name and number; they were ended too.
    package var leftBehind: [String]
    /// Whether it had to be killed because it did not end when it was asked to.
    package var wasKilled: Bool
}

/// A running child in a process group of its own.
package final class ChildProcess: Sendable {
    /// Who it is, for whoever has to end it when this process is gone.
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

    /// Waits until it has ended, everything it wrote was read and nothing of its group is left.
    package func exit() async -> ChildExit {
        await withCheckedContinuation { continuation in onExit { continuation.resume(returning: $0) } }
    }

    /// Calls `action` once that is so: on the reactor's thread, or at once when it is so already.
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

    /// Asks its group to end, and kills the group when it has not within the launch's grace.
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

/// What the kernel tells about processes.
package enum ProcessTable {
    /// The boot that this machine is in.
    package static let bootID: String = {
        // Without it every boot looks the same; process numbers are then compared by their start alone.
        (try? FileText.read("/proc/sys/kernel/random/boot_id").trimmed) ?? ""
    }()

    /// The time in the unit in which the kernel notes when a process started: hundredths of a second since the boot.
    static var now: UInt64 { UInt64(cs_steady_ns() / 10_000_000) }

    /// This process.
    package static var own: ProcessIdentity {
        var own = identity(of: getpid())
        own.session = getsid(0)
        return own
    }

    /// A process as it can be recognized later.
    package static func identity(of pid: Int32) -> ProcessIdentity {
        ProcessIdentity(pid: pid, startTicks: fields(of: pid)?.startTicks ?? 0, bootID: bootID)
    }

    /// Whether a recorded process is still the one it was.
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

    /// Every process that is there now, by its number.
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

    /// Every process that is there now.
    static func all() -> [Int32] {
        // A machine without /proc has none to be found.
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    /// The members of a process group that are alive, with their names.
    static func members(ofGroup group: Int32) -> [(pid: Int32, name: String)] {
        all().compactMap { pid in
            guard let fields = fields(of: pid), fields.group == group, fields.state != "Z" else { return nil }
            return (pid, fields.name)
        }
    }

    /// The processes whose environment holds `variable=value`, or a value that begins so; with their names.
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

    /// The children of this process's first thread: where orphans of its descendants arrive.
    static func adopted() -> [Int32] {
        // Asked at the end of each child: a file that stays open spares finding and opening it each time.
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(children, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    /// Where the kernel lists them; without it nothing is found.
    private static let children = open("/proc/self/task/\(getpid())/children", O_RDONLY | O_CLOEXEC)
}
