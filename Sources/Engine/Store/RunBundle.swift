package import CaudalModel
import Foundation
import GRDB

/// A run in one file: its journal, its log, the pipeline file and the executed SQL, to be looked at on another machine.
///
/// The file is a run store with this one run, and a table with the files of the run's folder. What the run read and published is not
/// in it, but what programs printed is, and rows that failed a check, as far as the pipeline keeps samples of them; secrets are masked
/// in all of it.
package enum RunBundle {
    /// The tables whose rows belong to one run.
    private static let tables = [
        "events", "attempts", "stages", "artifacts", "inputs", "checks", "remarks", "failures",
    ]
    /// The folders of a run whose files belong to the bundle, besides the texts of its pipeline.
    private static let folders = ["logs", "sql"]
    private static let logs = "logs/"

    /// Writes a run that has ended; a file that is there is replaced once the new one is whole.
    ///
    /// - Parameter masker: Masks the secrets of the pipeline file, which the state folder holds in clear; without one, the file,
    ///   its schemas, the SQL and the definitions of the stages are left out. The journal and the log hold no secrets.
    /// - Throws: ``Failure`` when the run is live or the file cannot be written, ``StoreError`` when the store cannot be read.
    package static func write(_ run: RunID, of store: RunStore, to path: String, masking masker: SecretMasker?) throws {
        let folder = store.folder.run(run)
        if folder.isLive { throw Failure("run \(run) is live; export it when it has ended") }
        try refuseOthers(path)
        let new = "\(path).\(getpid()).new"
        unlink(new)
        defer { unlink(new) }
        let texts = try texts(of: folder, masker)
        func clean(_ plan: RunPlan) -> RunPlan {
            var plan = masker.map(plan.masked) ?? plan.withoutDefinitions
            plan.variables = nil
            for (name, bytes) in texts where plan.keptTexts?[name] != nil {
                plan.keptTexts?[name] = ContentHash.of(String(decoding: bytes, as: UTF8.self))
            }
            return plan
        }
        let plan = clean(try store.plan(of: run))
        let changes = try store.events(of: run).compactMap { event -> (sequence: Int64, detail: String?)? in
            guard case .planChanged(var change, let by) = event.change else { return nil }
            change.plan = clean(change.plan)
            return (event.sequence, EventRow(.planChanged(change, by: by)).detail)
        }
        do {
            // Only its owner may read it: what programs printed is in it.
            close(open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600))
            let queue = try DatabaseQueue(path: new)
            try Migrations.migrator.migrate(queue)
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "ATTACH DATABASE ? AS source", arguments: [store.folder.database])
                try db.inTransaction {
                    try db.execute(
                        sql: "INSERT INTO main.runs SELECT * FROM source.runs WHERE id = ?", arguments: [run.rawValue])
                    for table in tables {
                        let columns = try db.columns(in: table, in: "main").map { "\"\($0.name)\"" }
                            .joined(separator: ", ")
                        try db.execute(
                            sql:
                                "INSERT INTO main.\(table) (\(columns)) SELECT \(columns) FROM source.\(table) WHERE run = ?",
                            arguments: [run.rawValue])
                    }
                    try db.execute(sql: "UPDATE main.runs SET plan = ?", arguments: [RunStore.text(of: plan)])
                    for (sequence, detail) in changes {
                        try db.execute(
                            sql: "UPDATE main.events SET detail = ? WHERE seq = ?", arguments: [detail, sequence])
                    }
                    try db.execute(
                        sql: "CREATE TABLE bundled_files (path TEXT NOT NULL PRIMARY KEY, bytes BLOB NOT NULL)")
                    for name in try files(of: folder) where texts[name] != nil || name.hasPrefix(logs) {
                        let isText = name.hasSuffix(".jsonl")
                        let packed = isText ? try CompressedLog.copy("\(folder.path)/\(name)", by: new + ".gz") : nil
                        let bytes = try packed ?? texts[name] ?? FileText.bytes("\(folder.path)/\(name)")
                        try db.execute(
                            sql: "INSERT INTO bundled_files VALUES (?, ?)",
                            arguments: [name + (isText ? ".gz" : ""), Data(bytes)])
                    }
                    return .commit
                }
                try db.execute(sql: "DETACH DATABASE source")
            }
            try queue.close()
        } catch let error as DatabaseError {
            throw RunStore.fault(error, path)
        }
        if rename(new, path) != 0 { throw Failure("\(path) cannot be written", errno: errno) }
    }

    /// Refuses to replace what is no bundle: a device, a link, a folder or another file.
    private static func refuseOthers(_ path: String) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        let header = Data("SQLite format 3\0".utf8)
        if status.st_mode & S_IFMT == S_IFREG {
            let start = try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: header.count)
            if status.st_size == 0 || start == header { return }
        }
        throw Failure(
            "\(path) is there, and is no bundle of a run", remedy: "write to another file, or remove that one first")
    }

    /// The texts of the bundle besides the log, which has no secrets, with theirs masked.
    private static func texts(of folder: RunFolder, _ masker: SecretMasker?) throws -> [String: [UInt8]] {
        guard let masker else { return [:] }
        var texts: [String: [UInt8]] = [:]
        for name in try files(of: folder) where !name.hasPrefix(logs) {
            let bytes = try FileText.bytes("\(folder.path)/\(name)")
            texts[name] = bytes.withUnsafeBufferPointer { masker.withMasked($0) { Array($0) } }
        }
        return texts
    }

    /// The names of the files that belong to the bundle, from the run's folder on.
    private static func files(of folder: RunFolder) throws -> [String] {
        let texts = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0 == "pipeline.yaml" || $0.hasPrefix("schema.") }
        let others = folders.flatMap { name in
            // A run without SQL has no such folder.
            ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(name)")) ?? [])
                .map { "\(name)/\($0)" }
        }
        return (texts + others).sorted()
    }

    /// Unpacks a bundle into a folder that is empty.
    ///
    /// - Returns: The run, and the store in which it is.
    /// - Throws: ``Failure`` when the file is no bundle, ``StoreError`` when a newer Caudal wrote it.
    package static func unpack(_ path: String, into state: StateFolder) throws -> (run: RunID, store: RunStore) {
        let isBundle = try? DatabaseQueue(path: path, configuration: readOnly).read {
            try $0.tableExists("bundled_files")
        }
        guard isBundle == true else {
            throw Failure("\(path) is no bundle; make one with 'caudal export RUN --bundle'")
        }
        try state.create()
        try FileManager.default.copyItem(atPath: path, toPath: state.database)
        let store = try RunStore(state)
        // A bundle may come from anywhere: its names are not believed.
        let runs = try store.read { db in try String.fetchAll(db, sql: "SELECT id FROM runs") }
        guard runs.count == 1, let run = runs.first.map({ RunID($0) }), isName(run.rawValue) else {
            throw Failure("\(path) is no bundle of one run")
        }
        let folder = state.run(run)
        try folder.create()
        let files = try store.read { db in try Row.fetchAll(db, sql: "SELECT path, bytes FROM bundled_files") }
        for file in files {
            guard let name = file["path"] as String?, let bytes = file["bytes"] as Data? else {
                throw Failure("\(path) is damaged: a file in it has no name or no bytes")
            }
            let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            let isKnown =
                parts.count == 1 ? name == "pipeline.yaml" || name.hasPrefix("schema.") : folders.contains(parts[0])
            guard parts.count <= 2, isKnown, parts.allSatisfy(isName) else {
                throw Failure("\(path) has a file that no bundle has: \(name)")
            }
            try bytes.write(to: URL(filePath: "\(folder.path)/\(name)"))
        }
        return (run, store)
    }

    /// Whether a text is the name of a file and leads nowhere else.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && !text.hasPrefix(".") && !text.contains("/") && !text.contains("\0")
    }

    private static var readOnly: Configuration {
        var configuration = Configuration()
        configuration.readonly = true
        return configuration
    }
}

extension RunPlan {
    /// The plan without the texts of its definitions, which may hold secrets.
    fileprivate var withoutDefinitions: RunPlan {
        var plan = self
        plan.definitionText = ""
        for index in plan.stages.indices { plan.stages[index].definitionText = "" }
        plan.keptTexts = nil
        return plan
    }
}
