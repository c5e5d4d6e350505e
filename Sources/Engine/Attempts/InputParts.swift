import CaudalModel
import Foundation

/// The input of a fan-out, divided once for all of its items, so that each reads a small file instead of the whole input.
///
/// A part holds all rows of some items, with the numbers that the rows have in the input; which rows are an item's is still
/// decided by the item's own query. What is divided is a copy that only this run reads: an item that finds none, or one that
/// was not made of what it reads, reads the input itself.
struct InputParts: Codable {
    /// The input as it is read, as SQL: which files, and how.
    var reading: String
    /// The marks of its files from before they were divided.
    var marks: [FileMark?]
    /// The columns that divide it.
    var variables: [String]
    /// The part of each item, by the item's key as a name of files: those differ also where Swift takes two keys for one.
    var places: [String: Int]
    /// The files of each part; parts without rows have none.
    var files: [Int: [String]]
    /// Whether the numbers of its rows are surely less than a thousand million.
    var numbersFewRows: Bool

    /// The folder of the parts, in what the items of a stage share.
    static func folder(in shared: String) -> String { shared + "/parts" }

    /// The copy of a table whose rows the items divide.
    static func tableCopy(of dataset: DatasetName, in shared: String) -> String {
        "\(shared)/tables/\(PathComponent.of(dataset.rawValue)).parquet"
    }

    /// Removes what items share of their input; what cannot be removed goes with the run.
    static func removeCopies(in shared: String) {
        for name in ["parts", "tables"] { try? FileManager.default.removeItem(atPath: "\(shared)/\(name)") }
    }

    /// The file that tells of them; without it there are none.
    private static func list(in shared: String) -> String { folder(in: shared) + "/list.json" }

    /// The parts that the items of a stage share; nil where there are none.
    static func read(from shared: String) -> InputParts? {
        guard let bytes = try? FileText.bytes(list(in: shared)) else { return nil }
        return try? JSONDecoder().decode(InputParts.self, from: Data(bytes))
    }

    /// Tells that the parts are whole.
    ///
    /// - Throws: ``Failure`` where the file cannot be written.
    func write(to shared: String) throws(Failure) {
        try FileText.replace(JSONText.encoded(self), at: Self.list(in: shared))
    }
}

extension AttemptContext {
    /// The least size of an input that is divided, in bytes: below, each item reads it faster than it is divided.
    private static let leastInput: Int64 = 8 << 20
    /// For how many items it is divided: for fewer it does not pay, and of more nobody has measured it.
    private static let itemsWithParts = 8...2_000
    /// The greatest number of parts: each is written to all the while.
    private static let mostParts = 64

    /// The input that items divide, if its type gains by reading parts of it.
    private var divisibleInput: DataSource? {
        guard let name = stage.definition.inputs.first?.value, let source = attempt.sources[name],
            stage.type.readsParts, !attempt.partitionVariables.isEmpty,
            attempt.partitionVariables.allSatisfy(source.columnNames.contains),
            source.table == nil, source.files == source.knownFiles, !source.files.isEmpty,
            loaded.pipeline.dataset(name)?.path?.itemVariables.isEmpty == true,
            // Of other types it is not certain that Parquet gives them back as they are.
            !source.columns.contains(where: { if case .other = $0.type { true } else { false } })
        else { return nil }
        return source
    }

    private func reading(of source: DataSource) -> String { source.fromClause(attempt.sql, numbersRows: true) }

    /// Divides the input for the items, where that costs less than all of them reading it.
    ///
    /// That it cannot be done is no failure: the items read the input themselves, and tell what is wrong with it.
    mutating func divideInput(among items: [Item], _ result: inout AttemptResult) async {
        guard Self.itemsWithParts.contains(items.count), stage.placement == .local, stage.timeout == nil,
            attempt.engine == .duckdb,
            !runner.reuse.isWanted(for: stage), let source = divisibleInput, let shared = attempt.sharedFolder,
            source.files.reduce(0, { $0 + (FileText.size($1) ?? 0) }) >= Self.leastInput
        else { return }
        do {
            let folder = InputParts.folder(in: shared)
            // What an earlier attempt left, which may have been killed.
            try? FileManager.default.removeItem(atPath: folder)
            try makeFolder(attempt.stagingFolder)
            try makeFolder(shared)
            defer { clearStaging() }
            var parts = InputParts(
                reading: reading(of: source), marks: source.files.map { FileMark($0) },
                variables: attempt.partitionVariables, places: [:], files: [:],
                numbersFewRows: source.numbersFewRows)
            let count = min(Self.mostParts, 2 * items.count)
            let script = source.division(
                by: parts.variables, items: items.map { item in parts.variables.map { item.values[$0] ?? nil } },
                into: count, folder: folder, attempt.sql)
            let execution = try await execute(
                script, essential: script.statements.count, reading: source.files, writing: [shared],
                threads: attempt.threads, memory: stage.resources.memory, name: "parts")
            result.usage = result.usage.flatMap { earlier in execution.usage.map { earlier + $0 } } ?? execution.usage
            if let failure = execution.failure { throw failure }
            for row in execution.readings?.rows(.share) ?? [] {
                guard let item = row.integer("item"), let part = row.integer("part"), items.indices.contains(Int(item))
                else { continue }
                parts.places[PathComponent.of(items[Int(item)].key.rawValue)] = Int(part)
            }
            for part in 0..<count { parts.files[part] = Self.files(ofPart: part, in: folder) }
            guard parts.places.count == items.count else { throw Failure("some item has no part") }
            guard source.files.map({ FileMark($0) }) == parts.marks else { throw Failure("it changed meanwhile") }
            try parts.write(to: shared)
            log.note("\(source.dataset) is divided among the items")
        } catch {
            try? FileManager.default.removeItem(atPath: InputParts.folder(in: shared))
            guard control.stopReason == nil else { return }
            let reason = Failure(describing: error).message
            log.note("\(source.dataset) is not divided, each item reads it whole: \(reason)")
        }
    }

    private static func files(ofPart part: Int, in folder: String) -> [String] {
        let place = "\(folder)/\(DataSource.partColumn)=\(part)"
        return ((try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []).sorted().map { "\(place)/\($0)" }
    }

    /// Lets the attempt of an item read its part of the input, where there is one that was made of what it reads.
    mutating func takePart() {
        guard let item = attempt.item, let shared = attempt.sharedFolder, let source = divisibleInput,
            let parts = InputParts.read(from: shared), parts.variables == attempt.partitionVariables,
            parts.reading == reading(of: source), source.files.map({ FileMark($0) }) == parts.marks,
            let part = parts.places[PathComponent.of(item.key.rawValue)], let files = parts.files[part],
            files.allSatisfy(FileText.exists)
        else { return }
        attempt.sources[source.dataset] = source.reading(part: files, numbersFewRows: parts.numbersFewRows)
    }

    /// Whether it is an item that reads a part, and so many of them run at once that there is a processor for each.
    var isOneOfMany: Bool {
        guard let shared = attempt.sharedFolder, let processors = MachineResources.total.cpu,
            Double(loaded.pipeline.maxParallel) >= processors
        else { return false }
        let folder = InputParts.folder(in: shared) + "/"
        return attempt.sources.values.contains { $0.files.contains { $0.hasPrefix(folder) } }
    }
}
