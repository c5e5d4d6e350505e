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

    /// One checked item, as JSON.
    private struct Line: Encodable {
        var thing: String
        var state: String
        var message: String
        var remedy: String?
    }

    /// Says which Spark and Java there are; a pipeline that does not run on Spark needs neither.
    private func lookForSpark(
        _ root: String, _ reactor: ProcessReactor, _ say: (Bool, String, String, String?) -> Void
    ) async {
        let name = SQLEngines.spark.name
        do throws(Failure) {
            let found = try await SQLEngines.spark.locate(
                root: root, variables: state.variables, cache: NSTemporaryDirectory(), reactor: reactor)
            let java = found.note.map { ", \($0)" } ?? ", no Java: only by Spark Connect"
            say(true, name, "pyspark \(found.version) with \(found.path)\(java)", nil)
        } catch {
            if json {
                return Output.json(Line(thing: name, state: "absent", message: error.message, remedy: error.remedy))
            }
            Output.line("– \(name.padding(toLength: 10, withPad: " ", startingAt: 0)) \(error.message)")
            if let remedy = error.remedy { Output.line("             \(remedy)") }
        }
    }

    func run() async throws {
        var isFine = true
        func say(_ good: Bool, _ what: String, _ text: String, remedy: String? = nil) {
            isFine = isFine && good
            if json {
                let state = good ? "good" : "bad"
                return Output.json(Line(thing: what, state: state, message: text, remedy: good ? nil : remedy))
            }
            Output.line("\(good ? "✓" : "✗") \(what.padding(toLength: 10, withPad: " ", startingAt: 0)) \(text)")
            if let remedy, !good { Output.line("             \(remedy)") }
        }
        let (root, now) = (FileManager.default.currentDirectoryPath, SystemClock.now.wall)
        say(
            true, "caudal",
            "\(Version.text), \(Int(MachineResources.total.cpu ?? 1)) processors, \((MachineResources.total.memory ?? 0).shortBytes) of memory"
        )
        let (reactor, engine) = (ProcessReactor(), SQLEngines.standard)
        do throws(Failure) {
            let folder = try TemporaryFolders.make("caudal-doctor")
            defer { TemporaryFolders.remove(folder) }
            let program = try await engine.locate(
                root: root, variables: state.variables, cache: folder + "/engine", reactor: reactor)
            let tools = engine.init(
                EngineSurroundings(
                    root: root, variables: state.variables, reactor: reactor, masker: SecretMasker(secrets: [])
                ) { program })
            say(true, engine.name, "\(program.version) at \(program.path)")
            for kind in Connection.Kind.allCases {
                do throws(Failure) {
                    guard let file = try await tools.driver(for: kind) else { continue }
                    say(true, kind.rawValue, file)
                } catch {
                    // A project without such databases does not need the extension.
                    if json {
                        Output.json(
                            Line(thing: kind.rawValue, state: "absent", message: error.message, remedy: error.remedy))
                        continue
                    }
                    let name = kind.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0)
                    Output.line("– \(name) \(error.message)")
                    if let remedy = error.remedy { Output.line("             \(remedy)") }
                }
            }
        } catch {
            say(false, engine.name, error.message, remedy: error.remedy)
        }
        await lookForSpark(root, reactor) { say($0, $1, $2, remedy: $3) }
        do throws(Failure) {
            let program = try CurlProgram.find(state.variables)
            say(true, "curl", "\(try await CurlProgram.version(of: program, reactor: reactor)) at \(program)")
        } catch {
            // A project that notifies nobody does not need it.
            if json {
                Output.json(Line(thing: "curl", state: "absent", message: error.message, remedy: error.remedy))
            } else {
                Output.line("– curl       \(error.message)")
                if let remedy = error.remedy { Output.line("             \(remedy)") }
            }
        }
        for (thing, place) in PlacementPrograms.found(state.variables) {
            if let place {
                say(true, thing, place)
            } else if json {
                Output.json(Line(thing: thing, state: "absent", message: "not on PATH", remedy: nil))
            }
        }
        let folder = state.foundStateFolder() ?? state.stateFolder(root: root)
        if FileText.exists(folder.database) {
            do throws(StoreError) {
                let store = try RunStore(folder)
                let runs = try store.runs(limit: 100_000)
                let interrupted = runs.count { $0.trueStatus == .interrupted }
                let note = interrupted == 0 ? "" : ", \(interrupted) interrupted: continue them with 'caudal resume'"
                say(true, "runs", "\(runs.count) in \(folder.path)\(note)")
                let kept = try store.bytesOfVersions()
                let bytes = kept.values.reduce(0, +)
                say(
                    true, "versions",
                    bytes == 0
                        ? "take no extra disk space"
                        : "\(bytes.shortBytes) kept by \(kept.count.counted("run")) for files that were replaced since; "
                            + "'caudal prune --keep-versions 1' frees those of older runs")
                for observer in try store.observers() where observer.failures > 0 {
                    let when = observer.failedAt.map { " at \(UTC.isoSecond($0))" } ?? ""
                    say(
                        false, "observer",
                        "\(observer.name) failed \(observer.failures.counted("time")), last\(when): \(observer.failure ?? "")",
                        remedy: "correct what it says; the next run sends it what it has missed")
                }
                let unsent = try store.deliveries(in: [.waiting, .givenUp], limit: 1000)
                let lost = unsent.filter { $0.state == .givenUp && now - $0.created < 7 * 86_400_000 }
                let failing = unsent.filter { $0.state == .waiting && $0.tries > 0 }
                if let first = (lost + failing).first {
                    let words = [
                        lost.isEmpty ? "" : "\(lost.count) given up in the last week",
                        failing.isEmpty ? "" : "\(failing.count) waiting after failures",
                    ].filter { !$0.isEmpty }.joined(separator: ", ")
                    say(
                        false, "notify", "\(words): \(first.channel.kind): \(first.failure ?? "")",
                        remedy: "'caudal notify list --unsent' lists them, 'caudal notify test FILE' tries the channels"
                    )
                }
                let faults = try store.faults()
                say(
                    faults.isEmpty, "run store", faults.first ?? "sound",
                    remedy: "move \(folder.database) away to start with an empty run store; outputs are not affected")
            } catch {
                say(false, "runs", error.description)
            }
        } else {
            let fault = Self.faultOfNewFolder(folder.path)
            say(
                fault == nil, "runs",
                fault.map { "none can be kept in \(folder.path): \($0)" }
                    ?? "none yet; they will be kept in \(folder.path)",
                remedy: "make it a folder in which this user may write, or set CAUDAL_STATE to another one")
        }
        let terminal = state.variables["TERM"] ?? ""
        if isatty(STDOUT_FILENO) == 1 {
            let locale =
                ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { state.variables[$0] }.first { !$0.isEmpty } ?? ""
            let isUnicode = locale.uppercased().contains("UTF")
            say(
                !["", "dumb"].contains(terminal), "terminal",
                terminal.isEmpty
                    ? "TERM is not set" : "\(terminal), \(isUnicode ? "UTF-8" : "no UTF-8: draws with ASCII")",
                remedy: "set TERM, for example to xterm-256color; without it, runs print lines")
        } else {
            say(true, "terminal", "none: runs print lines")
        }
        var space = statvfs()
        if statvfs(root, &space) == 0 {
            let free = Int64(space.f_bavail) * Int64(space.f_frsize)
            say(
                free > 1_000_000_000, "disk", "\(free.shortBytes) free here",
                remedy: "data stages need twice the size of their outputs")
        }
        if !isFine { throw ExitStatus.failed.code }
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
}
