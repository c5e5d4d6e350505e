import ArgumentParser
import Engine
import Foundation

/// `caudal restore`: publishes an earlier run's versions again.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Publish again what an earlier run published, from the versions that it keeps.",
        discussion: CommandHelp.paragraphs(
            """
            Each file takes its place in one step. 'keep_versions' of the pipeline file says how many succeeded runs keep
            their versions. What lies there now is kept with its own run; where it is not, you are asked first.
            """))

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String

    @Argument(help: "A dataset; without it, every file that the run published of a dataset.")
    var dataset: String?

    @Flag(help: "Say what would be published and change nothing.")
    var dryRun = false

    @Flag(name: [.long, .customShort("y")], help: "Answer yes to every prompt.")
    var yes = false

    @Flag(help: "Print a line of JSON for each file.")
    var json = false

    @OptionGroup var state: StateOptions

    /// What becomes of a file, for programs.
    private struct Line: Encodable {
        var run: String
        var path: String
        var bytes: Int64
        var rows: Int64?
        var hash: String?
        /// Whether it was published, and not only said that it would be.
        var published: Bool
        /// What lies there and is kept nowhere else.
        var loses: String?

        init(_ file: VersionRestorer.File, of run: RunID, published: Bool) {
            (self.run, path, bytes) = (run.rawValue, file.artifact.path, file.artifact.sizeInBytes)
            (rows, hash) = (file.artifact.rowCount, file.artifact.contentHash)
            (self.published, loses) = (published, file.loss)
        }
    }

    func run() async throws {
        let store = try state.openStore()
        let restorer = try Output.reporting {
            try VersionRestorer(try store.find(run), dataset: dataset.map { DatasetName($0) }, in: store)
        }
        let inPlace = restorer.filesInPlace
        if inPlace > 0, !json {
            Output.line(
                "\(inPlace.counted("file")) \(inPlace == 1 ? "is" : "are") in place as run \(restorer.run.id) published"
            )
        }
        if dryRun {
            if restorer.files.isEmpty, !json { Output.line("nothing would be published") }
            for file in restorer.files {
                if json {
                    Output.json(Line(file, of: restorer.run.id, published: false))
                    continue
                }
                let loss = file.loss.map { "; this would be lost: \($0)" } ?? ""
                Output.line("would publish \(file.artifact.path) again\(loss)")
            }
            return
        }
        let losses = restorer.files.compactMap(\.loss)
        if !losses.isEmpty, !yes {
            let consent = Consent(
                sentences: losses.map { "this would be lost: \($0)" },
                remedies: ["go on with --yes", "copy it somewhere first"])
            _ = try consent.ask()
        }
        if restorer.files.isEmpty { return }
        try Output.reporting { try restorer.carryOut(by: Operator.name, now: SystemClock.now) }
        for file in restorer.files {
            if json {
                Output.json(Line(file, of: restorer.run.id, published: true))
                continue
            }
            let rows = file.artifact.rowCount.map { ", \($0.counted("row"))" } ?? ""
            Output.line("published \(file.artifact.path) again  \(file.artifact.sizeInBytes.shortBytes)\(rows)")
        }
    }
}
