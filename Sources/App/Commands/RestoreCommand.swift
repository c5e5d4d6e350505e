import ArgumentParser
import Engine
import Foundation

/// `caudal restore`: publishes an earlier run's versions again.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Publish again what an earlier run published, from the versions that it keeps.",
        discussion: """
            Each file takes its place in one step. 'keep_versions' of the pipeline file says how many succeeded runs keep
            their versions. What lies there now is kept with its own run; where it is not, you are asked first.
            """)

    @Argument(help: "The run: its id, the beginning or end of one, or 'last'.")
    var run: String

    @Argument(help: "A dataset; without it, every file that the run published of a dataset.")
    var dataset: String?

    @Flag(help: "Say what would be published and change nothing.")
    var dryRun = false

    @Flag(name: [.long, .customShort("y")], help: "Answer yes to every prompt.")
    var yes = false

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore()
        let restorer = try Output.reporting {
            try VersionRestorer(try store.find(run), dataset: dataset.map { DatasetName($0) }, in: store)
        }
        let inPlace = restorer.filesInPlace
        if inPlace > 0 {
            Output.line(
                "\(inPlace.counted("file")) \(inPlace == 1 ? "is" : "are") in place as run \(restorer.run.id) published"
            )
        }
        if dryRun {
            for file in restorer.files {
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
            let rows = file.artifact.rowCount.map { ", \($0.grouped) rows" } ?? ""
            Output.line("published \(file.artifact.path) again  \(file.artifact.sizeInBytes.shortBytes)\(rows)")
        }
    }
}
