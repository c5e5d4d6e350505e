import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal prune`: removes old runs.
struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove old runs: their records, logs and folders, but never the files they published.",
        discussion: CommandHelp.paragraphs(
            """
            With --keep and --older-than, the command removes a run only if both options allow it. --max-size removes the
            oldest runs of each pipeline until the rest takes no more, except those that --keep keeps. It never removes a
            live run, and removes an interrupted run, which can still be resumed, only if you name it.
            """))

    @Argument(help: "The runs to remove: their IDs, or the starts or ends of the IDs.")
    var runs: [String] = []

    @Option(help: "Keep this number of the newest runs of each pipeline.")
    var keep: Int?

    @Option(help: "Remove only runs that started longer ago than this, such as 30d or 12h.")
    var olderThan: String?

    @Option(help: "Remove the oldest runs of each pipeline that take more than this together, such as 20GB.")
    var maxSize: String?

    @Option(help: "Compress the logs of runs that ended longer ago than this, such as 7d; 0s for all.")
    var compressAfter: String?

    @Option(
        help:
            "Keep the versions of this number of newest succeeded runs of each pipeline; remove older ones, not the runs."
    )
    var keepVersions: Int?

    @Option(help: "Remove only runs of this pipeline.")
    var pipeline: String?

    @Flag(help: "Show what would be removed, without removing anything.")
    var dryRun = false

    @Flag(help: "Print one line of JSON for each run, and for each pipeline whose versions are removed.")
    var json = false

    @OptionGroup var state: StateOptions

    /// What was removed, or would be, as JSON.
    private struct Line: Encodable {
        var pipeline: String?
        var run: String?
        /// The number of runs whose versions were removed; nil where a run itself was removed.
        var versionsOfRuns: Int?
        var bytes: Int64
        /// Whether it was removed; false in a dry run.
        var removed: Bool
    }

    func validate() throws {
        let hasRule = removesRuns || keepVersions != nil || compressAfter != nil
        if runs.isEmpty, !hasRule {
            throw ValidationError(
                "choose what to remove: --keep N, --older-than 30d, --max-size 20GB, --keep-versions N, "
                    + "--compress-after 7d, or run IDs")
        }
        if !runs.isEmpty, hasRule || pipeline != nil {
            throw ValidationError(
                "run IDs cannot be given with --keep, --older-than, --max-size, --keep-versions, --compress-after "
                    + "or --pipeline")
        }
        if let keepVersions, keepVersions < 0 { throw ValidationError("--keep-versions must not be negative") }
        if let keep, keep < 0 { throw ValidationError("--keep must not be negative") }
    }

    private var removesRuns: Bool { keep != nil || olderThan != nil || maxSize != nil }

    private func rules() throws -> Retention {
        func duration(_ text: String) throws -> Duration {
            guard let age = ScalarFormats.duration(text) else {
                throw ValidationError("'\(text)' is not a duration; write a number and a unit, such as 30d or 12h")
            }
            return age
        }
        let size = try maxSize.map { text in
            guard let size = ScalarFormats.size(text) else {
                throw ValidationError("'\(text)' is not a size; write a number and a unit, such as 20GB")
            }
            return size
        }
        return Retention(
            newest: keep, age: try olderThan.map(duration), size: size, compressAfter: try compressAfter.map(duration))
    }

    /// How long a run may take from making its folder until its record is written.
    private static let secondsToBegin = 600.0

    func run() async throws {
        let rules = try rules()
        var store = try state.openStore()
        if let pipeline { try KnownNames.check(pipeline: pipeline, in: store) }
        try Output.reporting {
            // On a full disk, runs go first.
            if !store.isOnFullDisk || dryRun || runs.isEmpty && !removesRuns {
                try dropVersions(in: store)
                try compressLogs(rules, in: store)
            }
            if runs.isEmpty, !removesRuns { return }
            let known = try store.runs(limit: .max)
            let chosen: [RunSummary]
            if runs.isEmpty {
                chosen = rules.removable(known, now: SystemClock.now, sizes: { store.folder.run($0).sizeInBytes })
                    .filter { pipeline == nil || $0.pipeline == pipeline }
            } else {
                let ids = Set(try runs.map { try store.find($0) })
                chosen = known.filter { ids.contains($0.id) }.reversed()
                if let live = chosen.first(where: \.isLive) {
                    throw RunControlError.live(live.id, hinders: .removing)
                }
                // Without its record nobody could find them, and they would go on beside those of the next run.
                for run in chosen where run.trueStatus == .interrupted {
                    let programs = Leftovers(of: run.id).found
                    if programs.isEmpty { continue }
                    throw Failure(
                        "run \(run.id) was interrupted, and programs of it still run: "
                            + programs.map(\.description).joined(separator: ", "),
                        remedy: "end them with 'caudal cancel \(run.id)', or resume the run")
                }
            }
            var freed: Int64 = 0
            var count = 0
            var emptied: [RunID: Int64] = [:]
            if store.isOnFullDisk, !dryRun {
                // Their records have no room to go before their folders have made some.
                for run in chosen { emptied[run.id] = try store.folder.run(run.id).empty() }
                store = try state.openStore(evenIfFull: false)
            }
            for run in chosen {
                let size =
                    dryRun
                    ? store.folder.run(run.id).sizeInBytes
                    : try store.remove(run.id).map { $0 + (emptied[run.id] ?? 0) }
                guard let size else {
                    Output.error("run \(run.id) is live again and was kept")
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
            let forgotten = store.folder.forgottenRuns(
                known: Set(known.map(\.id)), before: Date(timeIntervalSinceNow: -Self.secondsToBegin))
            // No pipeline is known of them.
            for id in forgotten where runs.isEmpty && pipeline == nil {
                let size = dryRun ? store.folder.run(id).sizeInBytes : try store.remove(id, isForgotten: true)
                guard let size else { continue }
                freed += size
                if json {
                    Output.json(Line(run: id.rawValue, bytes: size, removed: !dryRun))
                    continue
                }
                Output.line(
                    "\(dryRun ? "would remove" : "removed") the folder of \(id), which has no record in the run store")
            }
            if !dryRun {
                if !emptied.isEmpty {
                    try dropVersions(in: store)
                    try compressLogs(rules, in: store)
                }
                freed += try store.shrink()
            }
            if json { return }
            let words = dryRun ? "would be removed, which would free" : "removed, which freed"
            Output.line("\(count.counted("run")) \(words) \(freed.shortBytes)")
        }
    }

    /// Compresses logs of runs that ended long enough ago.
    private func compressLogs(_ rules: Retention, in store: RunStore) throws {
        guard let age = rules.compressAfter else { return }
        var count = 0
        var freed: Int64 = 0
        for run in try store.runs(pipeline: pipeline, limit: .max) {
            guard let ended = run.ended, SystemClock.now.wall - ended >= age.milliseconds else { continue }
            if dryRun {
                let segments = LogFiles.segments(in: store.folder.run(run.id).logs).filter { !$0.isCompressed }
                if !segments.isEmpty { count += 1 }
            } else {
                let bytes = try store.compressLog(of: run.id)
                if bytes != 0 { (count, freed) = (count + 1, freed + bytes) }
            }
        }
        if json { return }
        let what = "the logs of \(count.counted("run"))"
        Output.line(plain: dryRun ? "would compress \(what)" : "compressed \(what), which freed \(freed.shortBytes)")
    }

    /// Removes the versions of all but the newest succeeded runs of each pipeline.
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
