import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal restore`: publishes the kept versions of an earlier run again.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Publish the kept versions of an earlier run again.",
        discussion: CommandHelp.paragraphs(
            """
            Each file is replaced in one step. 'keep_versions' in the pipeline file sets how many succeeded runs keep their
            versions. A file that is replaced stays available as the version of its own run; if no run keeps it, the command
            asks first. Files of fan-out items that the run did not have are put away in the same way.
            """))

    @Argument(help: .run)
    var run: String

    @Argument(help: "The dataset to restore (default: every dataset that the run published).")
    var dataset: String?

    @Flag(help: "Show what would be published, without changing anything.")
    var dryRun = false

    @Flag(name: .yes, help: .yes)
    var yes = false

    @Flag(help: .jsonLine(for: "file"))
    var json = false

    @OptionGroup var state: StateOptions

    /// What happens to a file, as JSON.
    private struct Line: Encodable {
        var run: String
        var path: String
        var bytes: Int64?
        var rows: Int64?
        var hash: String?
        /// Whether it was published; false in a dry run, nil for a file that is put away.
        var published: Bool?
        /// Whether it was put away; false in a dry run, nil for a file that is published.
        var putAway: Bool?
        /// The present file, if no run keeps it as a version.
        var loses: String?

        init(_ file: VersionRestorer.File, of run: RunID, published: Bool) {
            (self.run, path, bytes) = (run.rawValue, file.artifact.path, file.artifact.sizeInBytes)
            (rows, hash) = (file.artifact.rowCount, file.artifact.contentHash)
            (self.published, loses) = (published, file.loss)
        }

        init(_ file: VersionRestorer.Surplus, of run: RunID, putAway: Bool) {
            (self.run, path, self.putAway, loses) = (run.rawValue, file.path, putAway, file.loss)
        }
    }

    func run() async throws {
        let store = try state.openStore()
        let restorer = try Output.reporting {
            try VersionRestorer(try store.find(run), dataset: dataset.map { DatasetName($0) }, in: store)
        }
        let inPlace = restorer.filesInPlace
        if inPlace > 0, !json {
            let (verb, object) = inPlace == 1 ? ("is", "it") : ("are", "them")
            Output.line(
                "\(inPlace.counted("file")) \(verb) in place, as run \(restorer.run.id) published \(object)")
        }
        for name in restorer.unclear {
            Output.error(
                "note: whether other files are of '\(name)' cannot be told; look whether some are of other runs")
        }
        if dryRun {
            if restorer.hasNothingToDo, !json { Output.line("nothing would be published") }
            return show(restorer, isDone: false)
        }
        let losses = restorer.losses
        if !losses.isEmpty, !yes {
            let prompt = ConfirmationPrompt(
                sentences: losses.map { "this would be lost: \($0)" },
                remedies: ["confirm with --yes", "copy it somewhere first"])
            _ = try prompt.ask()
        }
        if restorer.hasNothingToDo { return }
        try Output.reporting { try restorer.carryOut(by: Operator.name, now: SystemClock.now) }
        show(restorer, isDone: true)
    }

    /// Prints what was done, or would be.
    private func show(_ restorer: VersionRestorer, isDone: Bool) {
        let id = restorer.run.id
        if json {
            for file in restorer.files { Output.json(Line(file, of: id, published: isDone)) }
            for file in restorer.surplus { Output.json(Line(file, of: id, putAway: isDone)) }
            return
        }
        func loss(_ text: String?) -> String { isDone ? "" : text.map { "; this would be lost: \($0)" } ?? "" }
        for file in restorer.files {
            let rows = file.artifact.rowCount.map { ", \($0.counted("row"))" } ?? ""
            Output.line(
                isDone
                    ? "published \(file.artifact.path) again  \(file.artifact.sizeInBytes.shortBytes)\(rows)"
                    : "would publish \(file.artifact.path) again\(loss(file.loss))")
        }
        for file in restorer.surplus {
            Output.line(
                "\(isDone ? "put away" : "would put away") \(file.path): run \(id) had no such file\(loss(file.loss))")
        }
    }
}
