import CaudalModel
import Foundation

/// The files by which a program of another machine is started and tells how it ended.
///
/// They lie in the attempt's own folder, which both machines must see. That is looked at each time: the other side reads
/// a mark that this one wrote, and this one reads what the other wrote.
struct LaunchFolder: Sendable {
    let path: String
    /// What tells this attempt's files from those of another one, and from none.
    let mark: String

    private static let name = ".caudal-launch"
    /// The exit status of what is started there when the folder cannot be seen or written.
    static let notShared: Int32 = 125

    /// Its place in an attempt's folder.
    static func place(in workFolder: String) -> String { workFolder + "/" + name }

    /// Writes the files of a program that is to be started.
    ///
    /// - Throws: ``Failure`` when they cannot be written.
    init(
        _ call: ProgramCall, program: String, variables: [String: String], for attempt: AttemptControl,
        on host: ProgramHost
    ) throws(Failure) {
        guard let folder = call.workFolder else { throw Failure("there is no folder for what runs elsewhere") }
        path = Self.place(in: folder)
        mark = "\(ContentHash.of(attempt.marker))-\(UInt64.random(in: 0 ... .max))"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("the folder \(path) cannot be made: \(error.reason)")
        }
        var lines = ["#!/bin/sh"]
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) where Self.isName(name) {
            lines.append("export \(name)=\(ShellText.quoted(value))")
        }
        lines.append("cd \(ShellText.quoted(call.folder ?? host.folder)) || exit 126")
        lines.append("exec " + ([program] + call.arguments).map(ShellText.quoted).joined(separator: " "))
        // An earlier try on another machine may have left its own.
        for name in ["host", "exit", "stdout", "stderr", "read"] { unlink("\(path)/\(name)") }
        try FileText.write(lines.joined(separator: "\n") + "\n", to: path + "/launch.sh", isPrivate: true)
        try FileText.write(mark + "\n", to: path + "/mark", isPrivate: true)
    }

    /// The files of a program that was started before.
    init(in workFolder: String) {
        path = Self.place(in: workFolder)
        mark = ""
    }

    private static func isName(_ text: String) -> Bool {
        text.first.map { $0.isASCII && ($0.isLetter || $0 == "_") } == true
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// Shell that ends unless the other side sees the folder, and may write to it.
    var check: String {
        """
        d=\(ShellText.quoted(path))
        if [ "$(cat "$d/mark" 2>/dev/null)" != '\(mark)' ]; then
          echo "caudal: $(hostname) does not see $d as this machine does" >&2
          exit \(Self.notShared)
        fi
        if ! { echo "${SLURMD_NODENAME:-$(hostname)}" > "$d/host.new" && mv "$d/host.new" "$d/host"; } 2>/dev/null; then
          echo "caudal: $(hostname) cannot write to $d" >&2
          exit \(Self.notShared)
        fi
        """
    }

    /// Shell that records how the program ended, in `$rc`, in one step.
    let record = #"echo "$rc" > "$d/exit.new" && mv "$d/exit.new" "$d/exit""#

    /// The machine that runs the program, as it calls itself; nil as long as it has not begun.
    var machine: String? { text("host") }

    /// The recorded exit status; nil as long as there is none.
    var exitStatus: Int32? { text("exit").flatMap { Int32($0) } }

    /// The path of one of the files.
    func file(_ name: String) -> String { path + "/" + name }

    private func text(_ name: String) -> String? {
        // A file that is not there has not been written yet.
        (try? FileText.read(file(name)))?.trimmed.nonEmpty
    }
}

extension String {
    /// The text, or nil when it is empty.
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}

extension Failure {
    /// Both sides must see one folder.
    static func notShared(_ folder: String, told: String) -> Failure {
        Failure(
            "the attempt's folder is not shared: \(told.trimmed.shortened(to: 300))",
            remedy: "keep the project, with its state folder, on a file system that both machines have at the same path"
        )
    }
}
