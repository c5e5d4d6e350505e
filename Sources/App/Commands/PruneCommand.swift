import ArgumentParser
import Engine
import Foundation

/// `caudal prune`: forgets old runs.
struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove old runs: their logs, their record and their folders, never what they published.",
        discussion: CommandHelp.paragraphs(
            """
            With --keep and --older-than, a run goes that neither of them keeps. A run that is under way never goes, and
            an interrupted one, which can be resumed, only when it is named.
            """))

    @Argument(help: "Runs to remove: ids, or beginnings or ends of them.")
    var runs: [String] = []

    @Option(help: "Keep so many of the newest runs of each pipeline.")
    var keep: Int?

    @Option(help: "Keep runs that began less long ago, such as 30d, 12h.")
    var olderThan: String?

    @Option(
        help: "Keep the versions of what was published with so many succeeded runs of each pipeline; the runs stay.")
    var keepVersions: Int?

    @Option(help: "Only runs of this pipeline.")
    var pipeline: String?

    @Flag(help: "Say what would be removed and remove nothing.")
    var dryRun = false

    @Flag(help: "Print a line of JSON for each run, and for each pipeline whose versions go.")
    var json = false

    @OptionGroup var state: StateOptions

    /// What went, or would go, for programs.
    private struct Line: Encodable {
        var pipeline: String?
        var run: String?
        /// How many runs' versions went; nil where a run went itself.
        var versionsOfRuns: Int?
        var bytes: Int64
        /// Whether it was removed, and not only said that it would be.
        var removed: Bool
    }

    func validate() throws {
        if runs.isEmpty, keep == nil, olderThan == nil, keepVersions == nil {
            throw ValidationError("say what may go: --keep N, --older-than 30d, --keep-versions N, or runs by name")
        }
        if !runs.isEmpty, keep != nil || olderThan != nil || keepVersions != nil || pipeline != nil {
            throw ValidationError(
                "runs named one by one cannot be given with --keep, --older-than, --keep-versions or --pipeline")
        }
        if let keepVersions, keepVersions < 0 { throw ValidationError("--keep-versions must not be negative") }
        if let keep, keep < 0 { throw ValidationError("--keep must not be negative") }
    }

    func run() async throws {
        let age = try olderThan.map { text in
            guard let age = ScalarFormats.duration(text) else {
                throw ValidationError("'\(text)' is not a duration; write a number and a unit, such as 30d or 12h")
            }
            return age
        }
        let store = try state.openStore()
        if let pipeline { try KnownNames.check(pipeline: pipeline, in: store) }
        try Output.reporting {
            try dropVersions(in: store)
            if runs.isEmpty, keep == nil, olderThan == nil { return }
            let known = try store.runs(limit: .max)
            let chosen: [RunSummary]
            if runs.isEmpty {
                chosen = Retention(newest: keep, age: age).removable(known, now: SystemClock.now)
                    .filter { pipeline == nil || $0.pipeline == pipeline }
            } else {
                let ids = Set(try runs.map { try store.find($0) })
                chosen = known.filter { ids.contains($0.id) }.reversed()
                if let live = chosen.first(where: \.isLive) {
                    throw Failure(
                        "run \(live.id) is under way", remedy: "stop it first with 'caudal cancel \(live.id)'")
                }
            }
            var freed: Int64 = 0
            var count = 0
            for run in chosen {
                let size = dryRun ? store.folder.run(run.id).sizeInBytes : try store.remove(run.id)
                guard let size else {
                    Output.error("run \(run.id) is under way again and stays")
                    continue
                }
                (count, freed) = (count + 1, freed + size)
                if json {
                    Output.json(Line(pipeline: run.pipeline, run: run.id.rawValue, bytes: size, removed: !dryRun))
                    continue
                }
                let word = dryRun ? "would remove" : "removed"
                Output.line(
                    "\(word) \(run.id)  \(run.pipeline)  \(run.trueStatus.rawValue)  "
                        + "\(LocalTime.full(run.started))  \(size.shortBytes)")
            }
            for id in store.folder.forgottenRuns(known: Set(known.map(\.id))) where runs.isEmpty {
                let size = dryRun ? store.folder.run(id).sizeInBytes : try store.remove(id)
                freed += size ?? 0
                if json {
                    Output.json(Line(run: id.rawValue, bytes: size ?? 0, removed: !dryRun))
                    continue
                }
                Output.line("\(dryRun ? "would remove" : "removed") the folder of \(id), which no record knows")
            }
            if json { return }
            let words = dryRun ? "would go, and would free" : "removed, which freed"
            Output.line("\(count.counted("run")) \(words) \(freed.shortBytes)")
        }
    }

    /// Gives versions back that are beyond those that are wanted.
    private func dropVersions(in store: RunStore) throws {
        guard let keepVersions else { return }
        for name in try store.pipelines() where pipeline == nil || pipeline == name {
            let runs = try store.runsWithVersions(of: name, beyond: keepVersions)
            let bytes =
                dryRun
                ? runs.reduce(0) { $0 + store.folder.run($1).bytesOfVersions }
                : try store.dropVersions(of: name, keeping: keepVersions)
            if runs.isEmpty { continue }
            if json {
                Output.json(Line(pipeline: name, versionsOfRuns: runs.count, bytes: bytes, removed: !dryRun))
                continue
            }
            let word = dryRun ? "would drop" : "dropped"
            Output.line(
                "\(word) the versions of \(runs.count.counted("run")) of \(name), "
                    + "which \(dryRun ? "would free" : "freed") \(bytes.shortBytes)")
        }
    }
}
