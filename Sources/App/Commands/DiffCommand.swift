import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal diff`: compares the versions of a dataset that two runs published.
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract:
            "Compare the versions of a dataset that two runs published: rows added, removed and changed, by column.",
        discussion: CommandHelp.paragraphs(
            """
            Both runs must have kept their version; see 'keep_versions' in the pipeline reference. Without --key, rows are
            matched by the columns of a 'unique' check of the stage that writes the dataset. Without such a check, whole
            rows are compared.
            """))

    @Argument(help: "The first run: its ID, the start or end of the ID, or 'last'.")
    var before: String

    @Argument(help: "The second run.")
    var after: String

    @Argument(help: "The dataset.")
    var dataset: String

    @Option(help: "The columns to match rows by, separated by commas.")
    var key: String?

    @Flag(help: "Compare whole rows, even if a 'unique' check names a key.")
    var wholeRows = false

    @Option(help: "Maximum number of added, of removed and of changed rows to show.")
    var limit = 10

    @Flag(help: "Print the result as one JSON object.")
    var json = false

    @Flag(help: "Exit with status 1 if the versions differ.")
    var exitCode = false

    @Option(help: .color)
    var color: Paint.Choice = .auto

    @OptionGroup var state: StateOptions

    func validate() throws {
        if key != nil, wholeRows { throw ValidationError("--key and --whole-rows cannot be given together") }
        if limit < 0 { throw ValidationError("--limit must not be negative") }
    }

    func run() async throws {
        let store = try state.openStore()
        let (first, second) = try Output.reporting {
            (try store.state(of: try store.find(before)), try store.state(of: try store.find(after)))
        }
        let services = try Output.reporting { try RunServices(state: store.folder, variables: state.variables) }
        let diff = try await Output.reporting {
            let name = DatasetName(dataset)
            let loaded = try [first, second].map { run in
                try state.project.load(
                    store.folder.run(run.id).pipelineFile, environment: run.plan.environment, root: run.plan.root)
            }
            let old = try await PublishedVersion(of: name, in: first, loaded[0], services)
            let new = try await PublishedVersion(of: name, in: second, loaded[1], services)
            let keys = key.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
            return try await VersionDiff(
                old.source, new.source, key: keys ?? (wholeRows ? [] : new.checkedKey), limit: limit,
                tools: services.tools(
                    for: loaded[1], parameters: second.plan.parameters, folder: store.folder.path + "/questions"))
        }
        if json {
            Output.json(diff)
        } else {
            Output.line("\(dataset): \(first.id) → \(second.id)")
            for line in DiffText(diff, paint: Paint(color)).lines { Output.line(line) }
        }
        if exitCode, !diff.isEmpty { throw ExitStatus.failed.code }
    }
}

/// Formats a difference between two versions as lines.
struct DiffText {
    let diff: VersionDiff
    let paint: Paint

    init(_ diff: VersionDiff, paint: Paint) {
        self.diff = diff
        self.paint = paint
    }

    var lines: [StyledText] {
        let words = diff.key.isEmpty ? "whole rows compared" : "by \(diff.key.joined(separator: ", "))"
        var lines: [String] = [
            "  \(diff.rowsBefore.grouped) → \(diff.rowsAfter.counted("row")): \(diff.added.grouped) added, "
                + "\(diff.removed.grouped) removed"
                + (diff.key.isEmpty ? "" : ", \(diff.changed.grouped) changed") + " (\(words))"
        ]
        for (word, names) in [
            ("columns added", diff.columnsAdded), ("columns removed", diff.columnsRemoved),
            ("types changed", diff.typesChanged),
        ] where !names.isEmpty {
            lines.append("  \(word): \(names.joined(separator: ", "))")
        }
        if !diff.changedColumns.isEmpty {
            let counts = diff.changedColumns.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            lines.append("  changed: " + counts.map { "\($0.key) in \($0.value.grouped)" }.joined(separator: ", "))
        }
        if diff.isEmpty { lines.append("  no difference") }
        return lines.map { StyledText($0) } + samples
    }

    private var samples: [StyledText] {
        diff.samples.map { sample in
            let key = zip(diff.key, sample.key).map { "\($0)=\($1 ?? "null")" }.joined(separator: " ")
            switch sample.kind {
            case .added: return paint.good("  + " + row(sample.after))
            case .removed: return paint.bad("  - " + row(sample.before))
            case .changed:
                let changes = diff.columns.indices.filter { sample.before[$0] != sample.after[$0] }.map { index in
                    "\(diff.columns[index]): \(sample.before[index] ?? "null") → \(sample.after[index] ?? "null")"
                }
                return paint.wait("  ~ \(key)  \(changes.joined(separator: "  "))")
            }
        }
    }

    private func row(_ values: [String?]) -> String {
        zip(diff.columns, values).map { "\($0)=\($1 ?? "null")" }.joined(separator: " ")
    }
}
