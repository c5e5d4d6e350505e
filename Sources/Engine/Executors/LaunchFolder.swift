import CaudalModel
import Foundation

/// The files of one try to run a program in another place: how it is started, where, and how it ended.
///
/// They lie in the attempt's own folder, which both machines must see. That is looked at each time: the other side takes
/// a mark that this one wrote, and this one reads what the other wrote. Taking it is one step, and so is taking it back:
/// what has been taken back never begins, however late the other side hears of it.
///
/// The folder is also the record of where the program was launched. It is made before anything is asked of the other
/// side, which can begin nothing without it.
package struct LaunchFolder: Sendable {
    package let path: String
    package let note: LaunchNote

    /// Its place in an attempt's folder, with a folder for each try.
    package static let name = ".caudal-launch"
    /// The exit status of what is started there when the folder cannot be seen or written.
    static let notShared: Int32 = 125

    /// Makes the folder of a new try.
    ///
    /// - Throws: ``Failure`` when it cannot be made.
    init(at place: LaunchPlace, on machine: String? = nil, in workFolder: String?, for attempt: AttemptControl)
        throws(Failure)
    {
        guard let workFolder else { throw Failure("there is no folder for what runs elsewhere") }
        let all = workFolder + "/" + Self.name
        path = "\(all)/\((Self.numbers(in: all).last ?? 0) + 1)"
        note = LaunchNote(
            mark: "\(ContentHash.of(attempt.marker))-\(String(UInt64.random(in: 0 ... .max), radix: 16))",
            marker: attempt.marker, place: place, machine: machine)
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("the folder \(path) cannot be made: \(error.reason)")
        }
    }

    private init(path: String, note: LaunchNote) { (self.path, self.note) = (path, note) }

    /// The tries of an attempt that were noted, in their order.
    package static func all(in workFolder: String) -> [LaunchFolder] {
        let all = workFolder + "/" + name
        return numbers(in: all).compactMap { number in
            let path = "\(all)/\(number)"
            // Without its note nothing was asked of the other side.
            guard let bytes = try? FileText.bytes(path + "/launch.json"),
                let note = try? JSONDecoder().decode(LaunchNote.self, from: Data(bytes))
            else { return nil }
            return LaunchFolder(path: path, note: note)
        }
    }

    private static func numbers(in folder: String) -> [Int] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { Int($0) }.sorted()
    }

    /// The tries of an attempt of which it is not known that nothing goes on.
    package static func open(in workFolder: String) -> [LaunchFolder] { all(in: workFolder).filter { !$0.isOver } }

    // MARK: - Beginning

    /// Writes what the other side is to run, with its own program and variables, and the mark that it takes.
    ///
    /// - Throws: ``Failure`` when that cannot be written.
    func write(_ call: ProgramCall, for target: Target, on host: ProgramHost) throws(Failure) {
        let program = call.tool == .duckDB ? target.duckDB ?? call.program : call.program
        let variables = host.variables(of: call, passing: target.variables)
        var lines = ["#!/bin/sh"]
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) where Self.isName(name) {
            lines.append("export \(name)=\(ShellText.quoted(value))")
        }
        lines.append("cd \(ShellText.quoted(call.folder ?? host.folder)) || exit 126")
        lines.append("exec " + ([program] + call.arguments).map(ShellText.quoted).joined(separator: " "))
        try FileText.write(lines.joined(separator: "\n") + "\n", to: file("launch.sh"), isPrivate: true)
        try FileText.write(note.mark + "\n", to: file("mark"), isPrivate: true)
    }

    private static func isName(_ text: String) -> Bool {
        text.first.map { $0.isASCII && ($0.isLetter || $0 == "_") } == true
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// Notes where it is launched, on the disk itself: the other side may go on when this machine's power does not.
    ///
    /// - Throws: ``Failure`` when that cannot be written; nothing may be launched then.
    func keepNote() throws(Failure) {
        let place = file("launch.json")
        try FileText.replace(JSONText.encoded(note) + "\n", at: place)
        for name in [place, path, PathText.folder(of: path)] {
            let descriptor = Foundation.open(name, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Failure("\(name) cannot be opened", errno: errno) }
            defer { close(descriptor) }
            // A file system that cannot do it says so, and keeps what it can.
            guard fsync(descriptor) == 0 || errno == EINVAL else {
                throw Failure("\(name) cannot be written", errno: errno)
            }
        }
    }

    /// Shell of the other side that ends unless it sees the folder, may write to it, and is the one to begin.
    var take: String {
        """
        d=\(ShellText.quoted(path))
        n=${\(Self.nodeVariable):-${SLURMD_NODENAME:-$(hostname)}}
        if [ "$(cat "$d/mark" 2>/dev/null)" != '\(note.mark)' ]; then
          echo "caudal: $n does not see $d as this machine does" >&2
          exit \(Self.notShared)
        fi
        # A network's file system may have made the move and say that it failed.
        if ! mv "$d/mark" "$d/taken" 2>/dev/null && [ ! -e "$d/taken" ]; then
          echo "caudal: $n cannot write to $d" >&2
          exit \(Self.notShared)
        fi
        echo "$n" > "$d/host.new" && mv "$d/host.new" "$d/host"
        \(Self.variable)='\(note.mark)'; export \(Self.variable)
        """
    }

    /// The variable with a machine's name, where that has another one inside of a container.
    static let nodeVariable = "CAUDAL_NODE"

    /// The variable that everything carries which is started for a try.
    private static let variable = "CAUDAL_LAUNCH"

    /// Shell of the other side that starts the program in the background, as a process `$c` with a group of its own.
    ///
    /// A shell has what it starts there ignore SIGINT and SIGQUIT, which no shell takes back.
    let start = """
        r=; env --default-signal=INT,QUIT true 2> /dev/null && r='env --default-signal=INT,QUIT'
        setsid $r /bin/sh "$d/launch.sh" < /dev/null
        """

    /// Shell of the other side that ends what the program left running, before its end is told.
    ///
    /// Whoever still writes what the program was to write is waited for, until `$told` or `$lost` says that it is to end.
    func endRest(grace: Int) -> String {
        """
        w=$(cd "$d/../.." && pwd -P); own=
        [ -r /proc/$$/stat ] && read -r l < /proc/$$/stat && set -- ${l##*) } && own=$3
        # Where its output is a connection, that lasts as long as somebody holds it.
        o=$(readlink /proc/$$/fd/1); case $o in pipe:*|socket:*) ;; *) o=nothing ;; esac
        rest() {
          # What has a session of its own is found by the mark that it carries.
          holders=$(ls -l /proc/[0-9]*/fd/[12] 2> /dev/null | grep -F " -> $o")
          marked=" "$(grep -lzsF "\(Self.variable)=$\(Self.variable)" /proc/[0-9]*/environ)" "
          for s in /proc/[0-9]*/stat; do
            read -r l < "$s" || continue
            set -- ${l##*) }
            [ "$1" != Z ] && [ "$3" != "$own" ] || continue
            [ "$3" = "$c" ] || case $marked$holders in *"${s%stat}"*) ;; *) continue ;; esac
            l=${l%) *}; echo "${l#*(} (${l%% *})"
          done 2> /dev/null
        }
        tell() {
          kill "-$1" "-$c" 2> /dev/null
          rest | while read -r l; do l=${l##* (}; kill "-$1" "${l%)}" 2> /dev/null; done
        }
        writes() {
          rest | while read -r l; do
            l=${l##* (}
            for f in /proc/"${l%)}"/fd/*; do
              case $(readlink "$f") in "$w/\(Self.name)"/*) ;; "$w"/*) echo "$f" ;; esac
            done
          done 2> /dev/null
        }
        while [ -z "$told$lost" ] && [ "$(writes)" ]; do sleep 1; done
        left=$(rest)
        if [ "$left" ]; then
          echo "$left" > "$d/left"
          tell TERM; i=0
          while [ $i -lt \(grace) ] && [ "$(rest)" ]; do sleep 1; i=$((i + 1)); done
        fi
        tell KILL
        """
    }

    /// Shell of the other side that records how the program ended, in `$rc`, in one step.
    let record = #"echo "$rc" > "$d/exit.new" && mv "$d/exit.new" "$d/exit""#

    // MARK: - What has become of it

    /// Whether it is known that nothing of it goes on, or ever will.
    package var isOver: Bool { ["exit", "over"].contains { FileText.exists(file($0)) } }

    /// Takes the mark back, so that nothing begins any more.
    ///
    /// - Returns: Whether that was in time; otherwise the other side has begun.
    /// - Throws: ``Failure`` when it cannot be told.
    func revoke() throws(Failure) -> Bool {
        if rename(file("mark"), file("revoked")) == 0 || FileText.exists(file("revoked")) { return true }
        let error = errno
        if FileText.exists(file("mark")) { throw Failure("\(file("mark")) cannot be moved", errno: error) }
        return false
    }

    /// Notes that nothing of it goes on.
    ///
    /// - Throws: ``Failure`` when that cannot be written.
    func end() throws(Failure) { try FileText.write("", to: file("over"), isPrivate: true) }

    /// Notes that the other side is told to begin, where it has a mark of its own.
    ///
    /// - Throws: ``Failure`` when that cannot be noted; it must not be told then.
    func handOver() throws(Failure) {
        guard rename(file("mark"), file("taken")) == 0 else {
            throw Failure("\(file("mark")) cannot be moved", errno: errno)
        }
    }

    /// The attempt's folder, which it lies in.
    var workFolder: String { PathText.folder(of: PathText.folder(of: path)) }

    /// Whether the other side has files of its own.
    var isCopied: Bool {
        if case .target(let target) = note.place.kind, case .ssh(let settings) = target.kind {
            return settings.copies == true
        }
        return false
    }

    /// Whether the other side has begun.
    var hasBegun: Bool { FileText.exists(file("taken")) }

    /// The machine that runs the program, as it calls itself; nil as long as it has not told.
    var machine: String? { text("host") }

    /// The recorded exit status; nil as long as there is none.
    var exitStatus: Int32? { text("exit").flatMap { Int32($0) } }

    /// What it left running in its group, which was ended then.
    var leftBehind: [String] { (text("left") ?? "").split(separator: "\n").map(String.init) }

    /// The path of one of the files.
    func file(_ name: String) -> String { path + "/" + name }

    /// What is in one of the files; nil when it is empty or not there.
    func text(_ name: String) -> String? {
        // A file that is not there has not been written yet.
        guard let text = try? FileText.read(file(name)).trimmed, !text.isEmpty else { return nil }
        return text
    }

    /// Says of a place that does not answer what a person can do about it.
    func unanswered(_ reason: String) -> Failure {
        Failure(
            "whether what \(note.marker) began still runs cannot be told: \(reason)",
            remedy:
                "it is asked again before the next attempt; if nothing can run there any more, 'touch \(file("over"))'")
    }
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
