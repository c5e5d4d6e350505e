import ArgumentParser
import CaudalModel
import Engine
import Foundation

/// `caudal run --detach`: begins a run in a process of its own, and shows or names it.
struct DetachedRun {
    let state: StateOptions
    let show: ShowOptions

    /// How often it is looked whether the run has begun.
    private static let pause = Duration.milliseconds(50)

    /// One line of JSON.
    private struct Line: Encodable { let run: String }

    /// Starts the process with the arguments of this one, and waits until its run has begun.
    ///
    /// What keeps it from beginning is printed, and this program ends with the status of that process.
    func begin(root: String) async throws {
        let folder = state.stateFolder(root: root)
        let (pid, errors) = try Output.reporting { try start() }
        defer { close(errors) }
        var (id, printed): (RunID?, off_t) = (nil, 0)
        while id == nil {
            let exit = DetachedProcess.exit(of: pid)
            Self.passOn(errors, from: &printed)
            id = try Output.reporting { try run(of: pid, in: folder) }
            if let exit, id == nil {
                if case .exited(let status) = exit { throw ExitCode(status) }
                throw ExitStatus.failed.code
            }
            // A cancelled sleep only looks sooner.
            if id == nil { try? await Task.sleep(for: Self.pause) }
        }
        guard let id else { return }
        if show.wantsDashboard {
            let place = state.project.project.map { ["--project", $0] } ?? []
            var watch = try WatchCommand.parse([id.rawValue, "--state", folder.path] + place)
            watch.show = show
            return try await watch.run()
        }
        if show.json { return Output.json(Line(run: id.rawValue)) }
        Output.line("run \(id) goes on by itself; watch it with: \(CommandHint(folder)("watch \(id)"))")
    }

    /// The process, and the descriptor of a file without a name that it writes its errors to.
    private func start() throws -> (pid: Int32, errors: Int32) {
        let place = try TemporaryFolders.make("caudal-detach")
        defer { TemporaryFolders.remove(place) }
        let errors = open(place + "/errors", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard errors >= 0 else { throw Failure("\(place)/errors cannot be written", errno: errno) }
        let own = CommandLine.arguments.dropFirst().filter { $0 != "--detach" && $0 != "--json" && $0 != "--plain" }
        // The run belongs to no attempt, even if a command of a stage has started it.
        let variables = state.variables.merging([ProcessLaunch.markerVariable: "caudal/detached"]) { $1 }
        let pid = try DetachedProcess.start(
            [ProgramPath.own] + own + ["--plain"], variables, errors: errors)
        return (pid, errors)
    }

    /// Prints what the process has said from a place on.
    ///
    /// The place is kept here: that of the file is the process's own.
    private static func passOn(_ errors: Int32, from place: inout off_t) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(errors, &buffer, buffer.count, place)
            guard count > 0 else { return }
            place += off_t(count)
            FileHandle.standardError.write(Data(buffer.prefix(count)))
        }
    }

    /// The run that a process has begun.
    private func run(of pid: Int32, in folder: StateFolder) throws -> RunID? {
        guard FileText.exists(folder.database) else { return nil }
        let store = try RunStore(folder)
        return try store.runs(limit: 20).map(\.id).first { try store.state(of: $0).owner?.pid == pid }
    }
}
