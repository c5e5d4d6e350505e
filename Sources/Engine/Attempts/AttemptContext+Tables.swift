import CaudalModel
import Foundation

/// What an attempt reads that has to be copied first: tables of connections, and files that DuckDB would misread.
extension AttemptContext {
    /// Copies the tables that the attempt reads.
    ///
    /// - Throws: ``Failure`` where a database does not answer, or a table has the rows of another load.
    mutating func copyTables() async throws {
        for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) {
            guard let table = source.table, let folder = attempt.stagingFolder else { continue }
            let tables = folder + "/.tables"
            try makeFolder(tables)
            let file = "\(tables)/\(PathComponent.of(name.rawValue)).parquet"
            attempt.sources[name]?.files = [file]
            // The copy has the types of the columns.
            attempt.sources[name]?.recast = [:]
            // Work that goes on elsewhere reads the copy that was made for it.
            if begun != nil, FileText.exists(file) { continue }
            if let copy = copyForItems(of: source) {
                attempt.sources[name]?.files = [copy]
                log.note("reads the copy of \(table) that was made for all items")
                continue
            }
            // The database does not know of which zone its local times are.
            var start = name == stage.type.watermarkedInput ? attempt.readingStart : nil
            if let column = start?.column.name, source.localTimes.contains(column) { start = nil }
            if isCompared(source) { start = nil }
            try await runner.tables.copy(source, to: file, from: start, for: control)
            log.note("read the table \(table)" + (source.version.map { ", \($0.words)" } ?? ""))
            try await refuseOthersRows(in: source)
        }
    }

    /// Copies the files that DuckDB would read otherwise than they are written; a command reads files as they lie there.
    ///
    /// - Throws: ``Failure`` where a file cannot be copied.
    mutating func makePlainCopies() async throws {
        if stage.definition.runsProgram { return }
        for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) {
            attempt.sources[name] = try await plain(source)
        }
    }

    /// Refuses a copy of a table that this run loaded, or was told about, when it may have the rows of a later load.
    ///
    /// Asked behind the copy: whatever was loaded before it has left its record, in the transaction of its rows.
    private func refuseOthersRows(in source: DataSource) async throws {
        guard let table = source.table, let dataset = loaded.pipeline.dataset(source.dataset),
            loaded.pipeline.producer(of: source.dataset) != nil
        else { return }
        let loads = try await runner.tables.loads(of: dataset)
        if let made = order.made[source.dataset] {
            let key = LoadRecord.Key(run: facts.runID, stage: made.writer)
            if let fault = RecordedLoad.fault(loads, own: key, dataset) { throw fault }
            if loads.count > 1, loads.first(where: { $0.key == key })?.isAppend == true {
                log.note("\(table) was appended to: rows of other loads are in it too")
            }
        } else if let told = attempt.earlier[table.description], let last = loads.last, last != told.load {
            throw Failure(
                "\(last.words) loaded \(table) while it was read", remedy: "retry the stage",
                location: dataset.placeLocation)
        }
    }

    /// A source whose files every reader takes for the same rows: some are copied for it.
    func plain(_ source: DataSource) async throws -> DataSource {
        guard !source.copies.isEmpty, let folder = attempt.stagingFolder else { return source }
        // Work that goes on elsewhere reads the copies that were made for it: they must not be written again under it.
        let copies = begun == nil ? ".plain" : ".plain-again"
        do {
            return try await source.madePlain(
                in: "\(folder)/\(copies)/\(PathComponent.of(source.dataset.rawValue))", tools)
        } catch var failure as Failure {
            failure.location = failure.location ?? loaded.pipeline.dataset(source.dataset)?.placeLocation
            throw failure
        }
    }
}
