import CaudalModel
import Foundation

/// Parquet objects of a bucket, which are read as tables are.
///
/// Which objects these are is asked once, and again when they were read: nothing else tells that one of them was replaced
/// between two parts of it that were asked for.
extension TableReader {
    /// The objects that a table stands for, as they are now; none for a database, or where there are none.
    ///
    /// - Throws: ``Failure`` when the store does not answer, or has a key that cannot be read.
    func stored(
        _ table: ConnectionTable, _ link: DatabaseLink, _ dataset: Dataset
    ) async throws(Failure) -> [StoredObject] {
        guard link.store != nil else { return [] }
        let found: [StoredObject]
        do throws(Failure) { found = try await RemoteReader(tables: self).found(table.name, link) } catch {
            throw Failure(
                error.message, remedy: error.remedy, location: dataset.placeLocation, kind: .silentDatabase)
        }
        if let odd = found.first(where: { $0.key.contains("?") }) {
            throw Failure(
                "the key '\(odd.key)' has a '?' in it, and DuckDB takes what follows for settings",
                remedy: "give the object another key", location: dataset.placeLocation)
        }
        return found
    }

    /// The columns of objects: their own, and those that folders in their keys stand for where no object has one of these
    /// names.
    func look(
        at objects: [StoredObject], _ table: ConnectionTable, _ link: DatabaseLink, _ dataset: Dataset
    ) async throws(Failure) -> Found {
        if objects.isEmpty { return Found() }
        func columns(_ folders: FolderColumns) async throws(Failure) -> [Column]? {
            try await self.columns(of: link.relation(objects, folders), table, link, dataset)
        }
        guard let own = try await columns(.ignored) else { return Found() }
        if objects.count > 1 { try await refuseDiffering(objects, table, link, dataset) }
        let names = FolderColumns.names(above: objects.map(\.key))
        guard !names.isEmpty, names.isDisjoint(with: own.map { $0.name.lowercased() }),
            let all = try await columns(.asFound)
        else { return found(own) }
        let named = FolderColumns.columns(names, among: all, above: objects.map(\.key))
        let types = Dictionary(named.map { ($0.name, $0.type) }) { first, _ in first }
        var found = found(all.map { Column($0.name, types[$0.name] ?? $0.type) })
        found.folders = .typed(types.mapValues(tools.sql.type))
        return found
    }

    /// Refuses objects that the engine would unite with other values than theirs: columns whose names differ in case alone,
    /// or whose types no type holds exactly.
    ///
    /// Of files, values are looked at; objects would have to be fetched for that.
    private func refuseDiffering(
        _ objects: [StoredObject], _ table: ConnectionTable, _ link: DatabaseLink, _ dataset: Dataset
    ) async throws(Failure) {
        var script = SQLScript(title: "the columns of the objects of \(table)")
        for (index, object) in objects.enumerated() {
            script.add(
                "list the columns of an object",
                .lines(
                    .column,
                    "\(index) AS file, column_name AS name, column_type AS type\n"
                        + "FROM (DESCRIBE SELECT * FROM \(link.relation([object], .ignored)))"))
        }
        let found = try await tools.ask(
            script, reading: [], attachment: try await tools.attachment(of: link, isReadOnly: true)
        ).rows(.column, as: ColumnAnswer.self)
        let keys = objects.map(\.key)
        var names = keys.map { _ in [String]() }
        var known: [String: ColumnAnswer] = [:]
        for column in found {
            names[column.file ?? 0].append(column.name)
            guard let other = known[column.name.lowercased()] else {
                known[column.name.lowercased()] = column
                continue
            }
            func words(_ column: ColumnAnswer) -> String {
                "'\(column.name)' of \(keys[column.file ?? 0]) (\(column.type))"
            }
            guard other.name == column.name, areUnited(other.type, column.type) else {
                throw Failure(
                    "the columns \(words(other)) and \(words(column)) would be read as one, which could change values",
                    remedy:
                        "write the objects of '\(dataset.name)' with the same names and types, or read them as two datasets",
                    location: dataset.placeLocation)
            }
        }
        _ = try ColumnUnion(dataset: dataset, files: keys).differences(names)
    }

    /// Whether the engine has a type that holds all values of two.
    private func areUnited(_ type: String, _ other: String) -> Bool {
        if type == other { return true }
        switch (tools.sql.columnType(named: type), tools.sql.columnType(named: other)) {
        case (.integer, .integer), (.decimal, .decimal): return tools.sql.commonType(type, other) != nil
        default: return false
        }
    }

    /// The objects as they can be read in several pieces: of a store that has no marks for their contents, copies that were
    /// fetched in one.
    func readable(
        _ objects: [StoredObject], _ link: DatabaseLink, beside file: String, _ dataset: Dataset
    ) async throws(Failure) -> [StoredObject] {
        guard objects.contains(where: \.mark.isEmpty) else { return objects }
        var copied = objects
        let reader = RemoteReader(tables: self)
        for index in objects.indices {
            let fetched = try await reader.file(of: objects[index], link, dataset)
            // Folders in its key may be columns.
            let place = "\(file).objects/\(objects[index].key)"
            do {
                let folder = PathText.folder(of: place)
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                if Foundation.link(fetched, place) != 0 {
                    try FileManager.default.copyItem(atPath: fetched, toPath: place)
                }
            } catch {
                throw Failure("\(place) cannot be made: \(error.reason)")
            }
            copied[index].copy = place
        }
        return copied
    }

    /// Refuses what was read of objects that are others now, or more or fewer.
    func refuseReplaced(
        _ objects: [StoredObject], _ table: ConnectionTable, _ link: DatabaseLink
    ) async throws(Failure) {
        guard link.store != nil else { return }
        let now = try await RemoteReader(tables: self).found(table.name, link)
        guard now.map(\.version) != objects.map(\.version) else { return }
        let changed = Set(now.map(\.version)).symmetricDifference(objects.map(\.version)).compactMap(\.first).min()
        throw Failure("the object '\(changed ?? table.name)' was replaced while it was read", remedy: "retry the stage")
    }
}
