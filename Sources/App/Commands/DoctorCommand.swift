import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal doctor`: checks that everything is there that runs need.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the environment that runs need: duckdb, curl, the run store, the terminal, free disk space.")

    @Flag(help: "Print one line of JSON for each item checked.")
    var json = false

    @OptionGroup var state: StateOptions

    func run() async throws {
        let root = FileManager.default.currentDirectoryPath
        let reactor = ProcessReactor()
        let findings = DoctorFindings(asJSON: json)
        let (processors, memory) = (MachineResources.total.cpu ?? 1, MachineResources.total.memory ?? 0)
        findings.tell(
            true, "caudal", "\(Version.text), \(Int(processors)) processors, \(memory.shortBytes) of memory")
        await lookForEngine(root, reactor, findings)
        await lookForSpark(root, reactor, findings)
        await lookForTools(reactor, findings)
        lookAtStore(root, findings)
        lookAtTerminal(findings)
        lookAtDisk(root, findings)
        if !findings.isFine { throw ExitStatus.failed.code }
    }

    // MARK: - Programs

    /// Looks for DuckDB and its extensions.
    private func lookForEngine(_ root: String, _ reactor: ProcessReactor, _ findings: DoctorFindings) async {
        let engine = SQLEngines.standard
        do throws(Failure) {
            let folder = try TemporaryFolders.make("caudal-doctor")
            defer { TemporaryFolders.remove(folder) }
            let program = try await engine.locate(
                root: root, variables: state.variables, cache: folder + "/engine", reactor: reactor)
            let tools = engine.init(
                EngineSurroundings(
                    root: root, variables: state.variables, reactor: reactor, masker: SecretMasker(secrets: [])
                ) { program })
            findings.tell(true, engine.name, "\(program.version) at \(program.path)")
            for kind in Connection.Kind.allCases {
                do throws(Failure) {
                    guard let file = try await tools.driver(for: kind) else { continue }
                    findings.tell(true, kind.rawValue, file)
                } catch {
                    // A project without such databases does not need the extension.
                    findings.tellAbsent(kind.rawValue, error)
                }
            }
        } catch {
            findings.tell(false, engine.name, error.message, remedy: error.remedy)
        }
    }

    /// Looks for Spark and Java; a pipeline that does not run on Spark needs neither.
    private func lookForSpark(_ root: String, _ reactor: ProcessReactor, _ findings: DoctorFindings) async {
        let name = SQLEngines.spark.name
        do throws(Failure) {
            let found = try await SQLEngines.spark.locate(
                root: root, variables: state.variables, cache: NSTemporaryDirectory(), reactor: reactor)
            let java = found.note.map { ", \($0)" } ?? ", no Java: only by Spark Connect"
            findings.tell(true, name, "pyspark \(found.version) with \(found.path)\(java)")
        } catch {
            findings.tellAbsent(name, error)
        }
    }

    /// Looks for programs that only some projects need: curl, and those by which stages run elsewhere.
    private func lookForTools(_ reactor: ProcessReactor, _ findings: DoctorFindings) async {
        do throws(Failure) {
            let program = try CurlProgram.find(state.variables)
            let version = try await CurlProgram.version(of: program, reactor: reactor)
            findings.tell(true, "curl", "\(version) at \(program)")
        } catch {
            findings.tellAbsent("curl", error)
        }
        for (thing, place) in PlacementPrograms.found(state.variables) {
            if let place {
                findings.tell(true, thing, place)
            } else if json {
                findings.tellAbsent(thing, Failure("not on PATH"))
            }
        }
    }

    // MARK: - The run store

    private func lookAtStore(_ root: String, _ findings: DoctorFindings) {
        let folder = state.foundStateFolder() ?? state.stateFolder(root: root)
        guard FileText.exists(folder.database) else {
            let fault = Self.faultOfNewFolder(folder.path)
            findings.tell(
                fault == nil, "runs",
                fault.map { "none can be kept in \(folder.path): \($0)" }
                    ?? "none yet; they will be kept in \(folder.path)",
                remedy: "make it a folder in which this user may write, or set CAUDAL_STATE to another one")
            return
        }
        do throws(StoreError) {
            let store = try RunStore(folder)
            try lookAtRuns(store, findings)
            try lookAtObservers(store, findings)
            let faults = try store.faults()
            findings.tell(
                faults.isEmpty, "run store", faults.first ?? "sound",
                remedy: "move \(folder.database) away to start with an empty run store; outputs are not affected")
        } catch {
            findings.tell(false, "runs", error.description)
        }
    }

    private func lookAtRuns(_ store: RunStore, _ findings: DoctorFindings) throws(StoreError) {
        let runs = try store.runs(limit: 100_000)
        let interrupted = runs.count { $0.trueStatus == .interrupted }
        let note = interrupted == 0 ? "" : ", \(interrupted) interrupted: continue them with 'caudal resume'"
        findings.tell(true, "runs", "\(runs.count) in \(store.folder.path)\(note)")
        let kept = try store.bytesOfVersions()
        let bytes = kept.values.reduce(0, +)
        findings.tell(
            true, "versions",
            bytes == 0
                ? "take no extra disk space"
                : "\(bytes.shortBytes) kept by \(kept.count.counted("run")) for files that were replaced since; "
                    + "'caudal prune --keep-versions 1' frees those of older runs")
    }

    /// Tells of observers that failed and of notifications that did not leave.
    private func lookAtObservers(_ store: RunStore, _ findings: DoctorFindings) throws(StoreError) {
        for observer in try store.observers() where observer.failures > 0 {
            let when = observer.failedAt.map { " at \(UTC.isoSecond($0))" } ?? ""
            findings.tell(
                false, "observer",
                "\(observer.name) failed \(observer.failures.counted("time")), last\(when): \(observer.failure ?? "")",
                remedy: "correct what it says; the next run sends it what it has missed")
        }
        let weekAgo = SystemClock.now.wall - 7 * 86_400_000
        let unsent = try store.deliveries(in: [.waiting, .givenUp], limit: 1000)
        let lost = unsent.filter { $0.state == .givenUp && $0.created > weekAgo }
        let failing = unsent.filter { $0.state == .waiting && $0.tries > 0 }
        guard let first = (lost + failing).first else { return }
        let words = [
            lost.isEmpty ? "" : "\(lost.count) given up in the last week",
            failing.isEmpty ? "" : "\(failing.count) waiting after failures",
        ].filter { !$0.isEmpty }.joined(separator: ", ")
        findings.tell(
            false, "notify", "\(words): \(first.channel.kind): \(first.failure ?? "")",
            remedy: "'caudal notify list --unsent' lists them, 'caudal notify test FILE' tries the channels")
    }

    /// Why a state folder that is not there yet, or has no runs, cannot be used; nil where it can.
    private static func faultOfNewFolder(_ path: String) -> String? {
        var place = path
        while !FileText.exists(place), place != "/" { place = PathText.folder(of: place) }
        var status = stat()
        guard stat(place, &status) == 0 else { return Failure.words(ofErrno: errno) }
        if status.st_mode & S_IFMT != S_IFDIR { return "\(place) is no folder" }
        return access(place, W_OK | X_OK) == 0 ? nil : "\(place): \(Failure.words(ofErrno: errno))"
    }

    // MARK: - The machine

    private func lookAtTerminal(_ findings: DoctorFindings) {
        guard isatty(STDOUT_FILENO) == 1 else { return findings.tell(true, "terminal", "none: runs print lines") }
        let terminal = state.variables["TERM"] ?? ""
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { state.variables[$0] }.first { !$0.isEmpty } ?? ""
        let isUnicode = locale.uppercased().contains("UTF")
        findings.tell(
            !["", "dumb"].contains(terminal), "terminal",
            terminal.isEmpty ? "TERM is not set" : "\(terminal), \(isUnicode ? "UTF-8" : "no UTF-8: draws with ASCII")",
            remedy: "set TERM, for example to xterm-256color; without it, runs print lines")
    }

    private func lookAtDisk(_ root: String, _ findings: DoctorFindings) {
        var space = statvfs()
        guard statvfs(root, &space) == 0 else { return }
        let free = Int64(space.f_bavail) * Int64(space.f_frsize)
        findings.tell(
            free > 1_000_000_000, "disk", "\(free.shortBytes) free here",
            remedy: "data stages need twice the size of their outputs")
    }
}
