// Imported for the times of files: their members belong to whichever C module is imported first.
package import CaudalModel
import CSystem
import Foundation
import Synchronization

/// Finds the files of datasets and their columns.
///
/// The columns of this run's outputs are known; other files are inspected, by DuckDB once for each unchanged file.
package final class SourceResolver: Sendable {
    let pipeline: Pipeline
    package let tools: DataTools
    let tables: TableReader
    /// What stages write, once somebody has asked.
    let produced = Mutex<[ProducedDataset]?>(nil)

    /// A resolver for one run: references have the same values whenever it is asked, besides those of items.
    package init(pipeline: Pipeline, tools: DataTools, tables: TableReader) {
        self.pipeline = pipeline
        self.tools = tools
        self.tables = tables
    }

    /// The sources of several datasets.
    ///
    /// - Parameters:
    ///   - origins: What is known about the data's origins.
    ///   - fill: Fills in a path's references.
    /// - Throws: ``Failure`` for data that is missing, unreadable or of a run with other values, at its location.
    package func sources(
        of names: [DatasetName], from origins: DataOrigins, fill: (Template) -> String
    ) async throws -> [DatasetName: DataSource] {
        var sources: [DatasetName: DataSource] = [:]
        for name in names where sources[name] == nil {
            guard let dataset = pipeline.dataset(name) else { throw Failure("there is no dataset '\(name)'") }
            if let remote = dataset.remote {
                sources[name] = try await fetched(dataset, remote, origins, fill)
            } else if dataset.table != nil {
                sources[name] = try await tables.source(of: dataset)
                if origins.made[name] == nil, let producer = pipeline.producer(of: name), let earlier = origins.earlier
                {
                    origins.tell(try await earlierTable(dataset, producer, earlier))
                }
            } else if let made = origins.made[name] {
                sources[name] = try await written(dataset, made, origins, fill)
            } else if let producer = pipeline.producer(of: name), let earlier = origins.earlier {
                sources[name] = try await lying(dataset, producer, earlier, origins, fill)
            } else {
                sources[name] = try await external(dataset, origins, fill: fill)
            }
            if let source = sources[name] { try refuseAlikeKeys(of: source, to: origins.reader) }
        }
        return sources
    }

    /// The source of a dataset that a stage wrote, with its columns if the stage knew them, as data stages do.
    private func written(
        _ dataset: Dataset, _ made: ProducedData, _ origins: DataOrigins, _ fill: (Template) -> String
    ) async throws -> DataSource {
        let marked = made.markedItems.compactMap { item in
            dataset.path.map { PathText.absolute(fill($0.filled(with: item)), in: pipeline.root) }
        }
        var files: [String] = []
        for artifact in made.artifacts {
            do {
                files.append(try origins.place(artifact, made.writer))
            } catch let failure as Failure {
                throw Failure(failure.message, remedy: failure.remedy, location: dataset.placeLocation)
            }
        }
        // Items that an operator marked as succeeded: their data is at their paths.
        for path in marked {
            let shown = PathText.relative(path, to: pipeline.root)
            guard FileText.exists(path) else {
                throw Failure(
                    "\(shown) is not there, and the item that writes it was marked as succeeded",
                    remedy: "put the file there, or retry the item", location: dataset.placeLocation)
            }
            files.append(path)
        }
        let columns = made.artifacts.first?.columns ?? []
        let others = try itemsOfBefore(dataset, made, origins, fill)
        for file in others { origins.tell(file) }
        files += others.map(\.path)
        if others.contains(where: { $0.publication?.artifact.columns != columns }) {
            return try await inspected(files, of: dataset)
        }
        // Items of a fan-out may have written different columns: then the files are inspected like files from outside.
        if made.artifacts.contains(where: { $0.columns != columns }) { return try await inspected(files, of: dataset) }
        guard columns.isEmpty || !marked.isEmpty, !files.isEmpty else {
            return try own(dataset, files, columns)
        }
        return try await inspected(files, of: dataset, announced: columns)
    }

    /// The files of items that a stage had in earlier runs, where it adds to what is there: items without new rows have
    /// rows all the same.
    private func itemsOfBefore(
        _ dataset: Dataset, _ made: ProducedData, _ origins: DataOrigins, _ fill: (Template) -> String
    ) throws -> [EarlierFile] {
        guard let path = dataset.path, !path.itemVariables.isEmpty, let producer = pipeline.producer(of: dataset.name),
            producer.definition.mergedOutput == dataset.name, let earlier = origins.earlier
        else { return [] }
        let open = path.partlyFilled { if case .item = $0 { "*" } else { nil } }
        let pattern = PathText.absolute(fill(open), in: pipeline.root)
        let own = Set(made.artifacts.map { ExactText(PathText.absolute($0.path, in: pipeline.root)) })
        let marked = Set(
            made.markedItems.map { ExactText(PathText.absolute(fill(path.filled(with: $0)), in: pipeline.root)) })
        return try earlier.files(of: dataset, writtenBy: producer, at: pattern, isPart: true).filter {
            !own.contains(ExactText($0.target)) && !marked.contains(ExactText($0.target))
        }
    }

    func own(_ dataset: Dataset, _ files: [String], _ columns: [Column]) throws(Failure) -> DataSource {
        let source = DataSource(
            dataset: dataset.name, files: files, format: dataset.format ?? .parquet, csv: dataset.csv, columns: columns,
            isOwn: true)
        guard let fault = source.nameFault else { return source }
        throw Failure(
            "the dataset '\(dataset.name)' has \(fault)",
            remedy: "give the column another name in the stage that makes it", location: dataset.placeLocation)
    }

    /// The existing data of a dataset whose stage does not write it in this run, for this run's values.
    private func lying(
        _ dataset: Dataset, _ producer: Stage, _ earlier: EarlierOutputs, _ origins: DataOrigins,
        _ fill: (Template) -> String
    ) async throws -> DataSource {
        let found = try earlierFiles(of: dataset, producer, earlier, absence: origins.absent[dataset.name], fill)
        for file in found { origins.tell(file) }
        var columns = found.first?.publication?.artifact.columns ?? []
        if !columns.isEmpty, found.allSatisfy({ $0.publication?.artifact.columns == columns }) {
            return try own(dataset, found.map(\.path), columns)
        }
        // As in their own run, files of items with different columns are inspected like files from outside.
        if Set(found.compactMap { $0.publication?.artifact.columns }).count > 1 {
            return try await inspected(found.map(\.path), of: dataset)
        }
        if columns.isEmpty, dataset.format != .parquet { columns = await origins.announce(dataset.name) }
        return try await inspected(found.map(\.path), of: dataset, announced: columns)
    }

    /// The files of a dataset whose stage does not write it in this run.
    ///
    /// - Parameter absence: What happened to the stage, if it takes part in the run and did not run.
    /// - Throws: ``Failure`` when there are none, or a run with other values wrote them.
    func earlierFiles(
        of dataset: Dataset, _ producer: Stage, _ earlier: EarlierOutputs, absence: String? = nil,
        _ fill: (Template) -> String
    ) throws -> [EarlierFile] {
        guard let path = dataset.path else { return [] }
        let pattern = PathText.absolute(fill(path), in: pipeline.root)
        let found: [EarlierFile]
        do {
            found = try earlier.files(of: dataset, writtenBy: producer, at: pattern)
        } catch let failure as Failure {
            throw Failure(failure.message, remedy: failure.remedy, location: dataset.placeLocation)
        }
        guard found.isEmpty else {
            try refuseParts(found, of: dataset, path, at: pattern, producer, earlier, fill)
            return found
        }
        let shown = PathText.relative(pattern, to: pipeline.root)
        if let absence {
            throw Failure(
                "there is no \(shown), and \(absence)", remedy: "put the file there, or retry '\(producer.id)'",
                location: dataset.placeLocation)
        }
        throw Failure(
            "there is no \(shown), and '\(producer.id)', which writes it, does not run in this run",
            remedy: "run it too: --select '+\(producer.id)' with what you select", location: dataset.placeLocation)
    }

    /// Refuses the files of some items of a fan-out where others have none: they would pass for all of its rows.
    private func refuseParts(
        _ found: [EarlierFile], of dataset: Dataset, _ path: Template, at pattern: String, _ producer: Stage,
        _ earlier: EarlierOutputs, _ fill: (Template) -> String
    ) throws {
        guard let fanOut = producer.fanOut, !path.itemVariables.isEmpty else { return }
        let there = Set(found.map { ExactText($0.target) })
        let last = try earlier.lastItems(of: producer, at: pattern)
        var hasOutput: [ItemKey: Bool] = [:]
        for item in last?.items ?? [] where item.unit.status != .skipped {
            hasOutput[item.item.key] = item.unit.status == .succeeded || item.unit.status == .reused
        }
        // Of those that it added to, the stage may have had no rows.
        let listed = producer.definition.mergedOutput == dataset.name ? [] : fanOut.listedItems(fill)
        let skipped = Set((last?.items ?? []).map(\.item.key)).subtracting(hasOutput.keys)
        let expected =
            (last?.items ?? []).map(\.item).filter { hasOutput[$0.key] == false }
            + listed.filter { !skipped.contains($0.key) }
        for item in expected {
            let target = PathText.absolute(fill(path.filled(with: item)), in: pipeline.root)
            if there.contains(ExactText(target)) { continue }
            let since = hasOutput[item.key] == false ? last.map { ", and has none since run \($0.run)" } ?? "" : ""
            throw Failure(
                "there is no \(PathText.relative(target, to: pipeline.root)), which the item \(item.key) of "
                    + "'\(producer.id)' writes\(since)",
                remedy: "retry the item, or run the stage too: --select '+\(producer.id)' with what you select",
                location: dataset.placeLocation)
        }
    }

    /// A table whose load stage does not run in this run, with its last load.
    ///
    /// - Throws: ``Failure`` when a run with other values loaded it.
    func earlierTable(
        _ dataset: Dataset, _ producer: Stage, _ earlier: EarlierOutputs
    ) async throws -> EarlierFile {
        try earlier.table(of: dataset, loadedBy: producer, try await tables.loads(of: dataset))
    }

    // MARK: - Files from outside

    private func external(
        _ dataset: Dataset, _ origins: DataOrigins, fill: (Template) -> String
    ) async throws -> DataSource {
        guard case .path(let template, _) = dataset.place else {
            return try await tables.source(of: dataset)
        }
        let pattern = PathText.absolute(fill(template), in: pipeline.root)
        let found = try foundFiles(
            matching: pattern, at: dataset.placeLocation, origins, fill)
        if found.files.isEmpty {
            let fanned = fannedWithoutItems(pattern, origins, fill)
            if !fanned.isEmpty { return try await withoutRows(dataset, fanned, origins) }
            if !found.passedOver.isEmpty {
                throw Failure(
                    "no file matches \(PathText.relative(pattern, to: pipeline.root)) that is to be read: "
                        + found.passedOver[0], remedy: Self.remedy(dataset), location: dataset.placeLocation)
            }
            // Throws the error that nothing was found.
            _ = try Self.files(matching: pattern, of: dataset, root: pipeline.root)
        }
        for file in found.files where !file.isOwn { try Self.check(file.place, of: dataset, root: pipeline.root) }
        var source = try await inspected(found.files.map(\.place), of: dataset)
        source.notes += found.notes
        return source
    }

    /// The source of files that were published for a dataset; their columns are inspected.
    ///
    /// - Throws: ``Failure`` for a file that cannot be read.
    package func source(published files: [String], of dataset: Dataset) async throws -> DataSource {
        try await inspected(files, of: dataset)
    }

    /// The source of a staged output; its columns are inspected.
    ///
    /// - Throws: ``Failure`` for a file that cannot be read.
    package func source(staged path: String, of dataset: Dataset) async throws -> DataSource {
        try await inspected([path], of: dataset)
    }

    /// A source of files whose columns are inspected, some of which a stage of the pipeline would have written.
    ///
    /// - Parameter announced: The columns that the stage writes; empty when unknown.
    private func inspected(
        _ files: [String], of dataset: Dataset, announced: [Column]
    ) async throws -> DataSource {
        var source = try await inspected(files, of: dataset)
        guard source.format != .parquet, !announced.isEmpty else { return source }
        guard source.columnNames == announced.map(\.name) else {
            throw Failure(
                "\(PathText.relative(files.first ?? "", to: pipeline.root)) has the columns "
                    + "\(source.columnNames.joined(separator: ", ")), and the stage that writes it gives "
                    + "\(announced.map(\.name).joined(separator: ", "))",
                remedy: "write it with these columns in this order", location: dataset.placeLocation)
        }
        source.columns = announced
        return source
    }

    func inspected(_ files: [String], of dataset: Dataset) async throws -> DataSource {
        // A command may create a folder instead of a file.
        for file in files { try Self.refuseFolder(file, of: dataset, root: pipeline.root) }
        let key = SourceCache.key(dataset, files)
        if let source = tools.seen[key] { return source }
        for file in files where dataset.format != .parquet {
            // A CSV file is decompressed when it is inspected.
            if dataset.format == .csv || dataset.format == .xlsx { continue }
            do throws(Failure) {
                try await CompressedFile.check(
                    file, named: PathText.relative(file, to: pipeline.root), reactor: tools.reactor)
            } catch {
                throw Failure(error.message, remedy: error.remedy, location: dataset.placeLocation)
            }
        }
        var source = DataSource(
            dataset: dataset.name, files: files, format: dataset.format ?? .csv, csv: dataset.csv, columns: [],
            isOwn: false)
        source.zone = dataset.zone
        try await inspect(&source, dataset)
        if let fault = source.nameFault {
            throw Failure(
                "\(PathText.relative(files.first ?? "", to: pipeline.root)) has \(fault)",
                remedy: "give the column another name", location: dataset.placeLocation)
        }
        tools.seen[key] = source
        return source
    }

    /// The files of a path, sorted; each one exists, is a file and is not empty.
    static func files(matching pattern: String, of dataset: Dataset, root: String) throws(Failure) -> [String] {
        let shown = PathText.relative(pattern, to: root)
        var files = [pattern]
        if pattern.contains(where: { "*?[".contains($0) }) {
            do throws(Failure) { files = try Glob.files(matching: pattern) } catch {
                throw Failure(error.message, remedy: error.remedy, location: dataset.placeLocation)
            }
            if files.isEmpty {
                throw Failure("no file matches \(shown)", remedy: remedy(dataset), location: dataset.placeLocation)
            }
        }
        for file in files { try check(file, of: dataset, root: root) }
        return files
    }

    /// Rejects anything but a file that is not empty.
    private static func check(_ file: String, of dataset: Dataset, root: String) throws(Failure) {
        let name = PathText.relative(file, to: root)
        var status = stat()
        guard stat(file, &status) == 0 else {
            let reason = errno == ENOENT ? "is not there" : "cannot be opened: \(Failure.words(ofErrno: errno))"
            throw Failure("the input \(name) \(reason)", remedy: remedy(dataset), location: dataset.placeLocation)
        }
        try refuseFolder(file, of: dataset, root: root)
        if status.st_mode & S_IFMT != S_IFREG {
            throw Failure("the input \(name) is no file", remedy: remedy(dataset), location: dataset.placeLocation)
        }
        if access(file, R_OK) != 0 {
            throw Failure(
                "the input \(name) may not be read", errno: errno,
                location: dataset.placeLocation)
        }
        if status.st_size == 0 {
            throw Failure(
                "the input \(name) is empty: it has not even a header",
                remedy: "look at what should have written it", location: dataset.placeLocation)
        }
    }

    /// Rejects a folder where the files in it are intended, and names the path to write.
    static func refuseFolder(_ path: String, of dataset: Dataset, root: String) throws(Failure) {
        if FileText.isFolder(path) { throw folder(path, of: dataset, root: root) }
    }

    /// The error for a folder that is read as a file.
    static func folder(_ path: String, of dataset: Dataset, root: String) -> Failure {
        let whole = PathText.relative(path, to: root)
        let name = whole.hasSuffix("/") ? String(whole.dropLast()) : whole
        return Failure(
            "the input \(name) is a folder",
            remedy: "read the files in it under another dataset, such as "
                + "{path: \"\(name)/*.\(dataset.format?.rawValue ?? "csv")\"}",
            location: dataset.placeLocation)
    }

    private static func remedy(_ dataset: Dataset) -> String {
        "put it there, or change the path of dataset '\(dataset.name)'"
    }

    // MARK: - What is in them

    private func inspect(_ source: inout DataSource, _ dataset: Dataset) async throws {
        let folders = columnsOfFolders(source)
        if let name = FolderColumns.names(aboveSomeOf: foldersOf(source)).min() {
            source.notes.append(
                "'\(name)' is told by folders of some files of '\(dataset.name)' and not by those of others: it is no column"
            )
        }
        guard !folders.isEmpty, pipeline.producer(of: dataset.name) == nil else {
            return try await inspectFiles(of: &source, dataset)
        }
        try await inspectFiles(of: &source, dataset)
        // What stands in a file counts more than the name of its folder.
        guard folders.isDisjoint(with: source.columnNames.map { $0.lowercased() }) else { return }
        var named = DataSource(
            dataset: source.dataset, files: source.files, format: .parquet, columns: [], isOwn: false)
        named.folders = .asFound
        var script = SQLScript(title: "what the folders of \(dataset.name) say")
        script.add("the columns", .columns(of: "SELECT * FROM \(named.fromClause(tools.sql))", as: .column))
        let columns = FolderColumns.columns(
            folders, among: try await tools.ask(script, reading: source.files).columns(tools.sql), above: source.files)
        source.columns += columns
        source.folders = .typed(
            Dictionary(columns.map { ($0.name, tools.sql.type($0.type)) }) { first, _ in first })
        source.takeZone(dataset.zone)
    }

    /// The names in folders called `name=value` below the project's folder, in which all of the Parquet files lie.
    private func columnsOfFolders(_ source: DataSource) -> Set<String> {
        FolderColumns.names(above: foldersOf(source))
    }

    /// The paths whose folders may be columns; none where they tell nothing.
    private func foldersOf(_ source: DataSource) -> [String] {
        guard source.format == .parquet, !pipeline.root.contains("=") else { return [] }
        return source.files.map { PathText.relative($0, to: pipeline.root) }
    }

    private func inspectFiles(of source: inout DataSource, _ dataset: Dataset) async throws {
        if source.format == .csv {
            // Where there is no engine, that is the fault, and not the file.
            _ = try await tools.program()
            return try await CSVInspection(tools: tools, root: pipeline.root).inspect(&source, dataset)
        }
        if source.format == .xlsx { return try SheetInspection(root: pipeline.root).inspect(&source, dataset) }
        var script = SQLScript(title: "what is in \(dataset.name)")
        for (title, kind) in tools.sql.inspection(of: source) { script.add(title, kind) }
        // Lines of JSON that are none are a matter of the stage that reads them, and may hide the types of the columns.
        let essential = script.statements.count - (source.format == .jsonl ? 1 : 0)
        // Where there is no engine, that is the fault, and not the file.
        _ = try await tools.program()
        let readings: DataReadings
        do throws(Failure) {
            readings = try await tools.ask(script, reading: source.files, essential: essential)
        } catch {
            let files = source.files.map { PathText.relative($0, to: pipeline.root) }.joined(separator: ", ")
            throw Failure(
                "\(files.shortened(to: 200)) cannot be read: \(error.message)",
                remedy: error.remedy ?? "check that it is a \(source.format.rawValue) file",
                location: dataset.placeLocation)
        }
        if source.format == .parquet {
            try await readColumns(&source, dataset, readings)
            let valued = readings.rows(.valued, as: FoundKey.self).map(\.name)
            source.emptyColumns = Set(source.columnNames).filter { name in
                !valued.contains { $0 == name || $0.hasPrefix(name + ", ") }
            }
        } else {
            try await readKeys(&source, dataset, readings)
        }
    }
}

/// What was found in files, for as long as they do not change: an inspection before a run need not be repeated in it.
package final class SourceCache: Sendable {
    private let sources = Mutex<[String: DataSource]>([:])
    private let times = Mutex<[DataSource: (versions: [String], times: NamedTimes)]>([:])

    package init() {}

    /// Datasets with different dialects have different keys, even for the same files.
    fileprivate static func key(_ dataset: Dataset, _ files: [String]) -> String {
        ([dataset.name.rawValue, dataset.definitionText] + files.map(version)).joined(separator: "\n")
    }

    private static func version(_ path: String) -> String {
        var status = stat()
        stat(path, &status)
        let (changed, touched) = (status.st_mtim, status.st_ctim)
        return "\(path) \(status.st_ino) \(status.st_size) \(changed.tv_sec).\(changed.tv_nsec) "
            + "\(touched.tv_sec).\(touched.tv_nsec)"
    }

    /// How the texts of a source state times, if the same files have been examined.
    func namedTimes(of source: DataSource) -> NamedTimes? {
        let versions = source.files.map(Self.version)
        return times.withLock { $0[source].flatMap { $0.versions == versions ? $0.times : nil } }
    }

    func keep(_ found: NamedTimes, of source: DataSource) {
        times.withLock { $0[source] = (source.files.map(Self.version), found) }
    }

    fileprivate subscript(key: String) -> DataSource? {
        get { sources.withLock { $0[key] } }
        set { sources.withLock { $0[key] = newValue } }
    }
}
