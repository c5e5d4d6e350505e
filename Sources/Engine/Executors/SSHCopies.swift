import CaudalModel
import Foundation

/// Copies an attempt's folder to a machine that does not see it, and back.
///
/// It lies at the same path there, where nothing may be before, and is removed in the end. Only that folder and what the
/// state folder holds for the attempt is written there: nothing of the user's is ever replaced on another machine.
struct SSHCopies: Sendable {
    let host: ProgramHost
    let ssh: String
    /// The words that lead to the machine, with its name at the end.
    let words: [String]
    let folder: LaunchFolder
    let attempt: AttemptControl

    /// What an attempt keeps of its inputs, which need not come back.
    static let inputs = [".inputs", ".lists", ".fetched", ".tables", ".plain", ".plain-again"]

    /// How a copy ended.
    enum Outcome: Sendable {
        case done
        /// There, nothing has begun, and nothing will.
        case notBegun
        case failed(String)
    }

    // MARK: - There

    /// Copies the folder and what a program reads there.
    ///
    /// - Throws: ``Failure`` where the machine sees the folder, or a file would have to lie where somebody else's may be.
    func send(_ call: ProgramCall) async throws(Failure) -> Outcome {
        let work = folder.workFolder
        var paths = [work]
        for path in call.reads + call.writes where !isInside(path, work) {
            guard let state = host.state, isInside(path, state) else {
                // A command names its files itself; those of a query are all copied, or it would read others.
                if call.isOfUser { continue }
                throw Failure("\(path) is not copied to the other machine: it lies outside of the state folder")
            }
            if FileText.exists(path) { paths.append(path) }
        }
        let (list, status) = (folder.file("files"), folder.file("packed"))
        try FileText.write(
            paths.map { String($0.dropFirst()) }.joined(separator: "\0"), to: list, isPrivate: true)
        unlink(status)
        let there = """
            w=\(ShellText.quoted(work))
            if [ -e "$w" ]; then echo "caudal: $(hostname) has $w already" >&2; exit \(LaunchFolder.notShared); fi
            umask 077; cd / && tar -xpf - && exit 0
            s=$?; \(Self.removal(of: folder)); exit $s
            """
        // What is packed here may be wrong while what arrives there is whole: both have to be right.
        let here = #"{ tar -C / --dereference --null -T "$0" -cf -; echo $? > "$1"; } | { shift; exec "$@"; }"#
        // Another attempt that ends there removes the folders around its own, also one that this one was just about to fill.
        var (exit, told) = try await run(here, [list, status], there)
        for _ in 1..<Self.sendLimit where Self.failedThere(exit) && attempt.stopReason == nil {
            unlink(status)
            (exit, told) = try await run(here, [list, status], there)
        }
        if exit == .exited(LaunchFolder.notShared) {
            throw Failure(
                told,
                remedy: "leave 'transfer: copy' out where both machines see the project, or remove that folder there")
        }
        // Another machine may have the room.
        if Self.failedThere(exit) { return .failed("the attempt's folder could not be unpacked there: \(told)") }
        guard exit == .exited(0) else { return .failed(told) }
        guard folder.text("packed") == "0" else {
            throw Failure("the attempt's folder could not be packed: \(told)")
        }
        return .done
    }

    /// How often a copy is sent that the other machine cannot unpack.
    private static let sendLimit = 5

    /// Whether the other machine was reached and could not take the copy; ssh itself ends with 255.
    private static func failedThere(_ exit: ProcessExit) -> Bool {
        guard case .exited(let status) = exit else { return false }
        return ![0, 255, LaunchFolder.notShared].contains(status)
    }

    private func isInside(_ path: String, _ folder: String) -> Bool { path == folder || path.hasPrefix(folder + "/") }

    // MARK: - Back

    /// Brings back what a program wrote, how it ended last of all.
    func fetch() async throws(Failure) -> Outcome {
        let work = folder.workFolder
        let (back, status) = (folder.file("back"), folder.file("sent"))
        let files = FileManager.default
        do {
            try? files.removeItem(atPath: back)
            try files.createDirectory(atPath: back, withIntermediateDirectories: true)
        } catch {
            throw Failure("the folder \(back) cannot be made: \(error.reason)")
        }
        defer { try? files.removeItem(atPath: back) }
        unlink(status)
        let there = """
            w=\(ShellText.quoted(work)); d=\(ShellText.quoted(folder.path))
            if mv "$d/mark" "$d/revoked" 2> /dev/null; then exit \(Self.notBegun); fi
            cd "$w" && tar \(Self.inputs.map { "--exclude=./\($0)" }.joined(separator: " ")) -cf - .
            """
        let here = #"b=$0; s=$1; shift; { "$@"; echo $? > "$s"; } | tar -C "$b" -xpf -"#
        let (exit, told) = try await run(here, [back, status], there)
        let sent = folder.text("sent")
        if sent == String(Self.notBegun) { return .notBegun }
        guard exit == .exited(0), sent == "0" else { return .failed(told) }
        do {
            try take(from: back, to: work)
        } catch {
            throw Failure("what came back from the other machine cannot be put in its place: \(error.reason)")
        }
        return .done
    }

    private static let notBegun: Int32 = 3

    /// Puts what came back in its place.
    private func take(from back: String, to work: String) throws {
        let files = FileManager.default
        for name in try files.contentsOfDirectory(atPath: back) where name != LaunchFolder.name {
            let target = work + "/" + name
            if FileText.exists(target) { try files.removeItem(atPath: target) }
            try files.moveItem(atPath: back + "/" + name, toPath: target)
        }
        let launch = back + "/" + String(folder.path.dropFirst(work.count + 1))
        for name in ["host", "exit"] where FileText.exists("\(launch)/\(name)") {
            try FileText.replace(try FileText.read("\(launch)/\(name)"), at: folder.file(name))
        }
    }

    /// Shell that removes on another machine what was copied for a try, and the empty folders around it.
    static func removal(of folder: LaunchFolder) -> String {
        let copied = (folder.text("files") ?? "").split(separator: "\0").map { "/" + $0 }
        let paths = Set(copied + [folder.workFolder]).sorted().map(ShellText.quoted).joined(separator: " ")
        return
            "for w in \(paths); do rm -rf \"$w\"; while w=$(dirname \"$w\"); rmdir \"$w\" 2> /dev/null; do :; done; done; true"
    }

    // MARK: - The connection

    /// Runs a line of shell here, whose arguments after the first ones are the words that run another one there.
    private func run(
        _ here: String, _ arguments: [String], _ there: String
    ) async throws(Failure) -> (exit: ProcessExit, told: String) {
        let told = Collected()
        let child = try await host.reactor.run(
            ProcessLaunch(
                program: "/bin/sh",
                arguments: ["-c", here] + arguments + [ssh] + words + ["exec /bin/sh -c \(ShellText.quoted(there))"],
                inherited: host.environment, variables: [:], folder: "/", marker: attempt.marker, grace: .seconds(1),
                ledger: attempt.ledger),
            onStart: { child in attempt.onStop { child.stop() } }, output: { told.append($0, $1) })
        attempt.onStop(nil)
        let last = told.text(.stderr).split(whereSeparator: \.isNewline).last.map(String.init)
        return (child.exit, (last ?? "ssh said nothing").shortened(to: 300))
    }
}
