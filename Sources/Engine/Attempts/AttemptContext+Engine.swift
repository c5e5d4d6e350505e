import CaudalModel
import Foundation

/// The engine that an attempt's SQL is run by, and what has to be made for it and of what it writes.
///
/// What is small or odd is read and written by the engine that knows all formats, and the other is given Parquet.
extension AttemptContext {
    /// The tools with the attempt's engine; ``tools`` are those that look at files.
    var engineTools: DataTools { tools.running(on: attempt.engine) }

    /// Decides what runs the attempt's SQL.
    mutating func chooseEngine() {
        attempt.engine = stage.engine
        if stage.engine == .auto {
            let size = attempt.sources.values.flatMap(\.files).reduce(Int64(0)) { $0 + (FileText.size($1) ?? 0) }
            let above = loaded.pipeline.spark.above
            attempt.engine = size >= above ? .spark : .duckdb
            log.note(
                "its inputs have \(size.shortBytes), and 'spark_above' is \(above.shortBytes): runs on "
                    + (size >= above ? "Spark" : "DuckDB"))
        }
        attempt.sql = engineTools.sql
    }

    /// Makes Parquet of what the engine does not read as it lies there.
    ///
    /// - Throws: ``Failure`` for what cannot be read alike by it.
    mutating func makeReadable() async throws {
        let engine = engineTools.engine
        guard attempt.engine == .spark else { return }
        let remedy = "run the stage on DuckDB: 'engine: duckdb'"
        if !attempt.corrections.isEmpty {
            throw Failure("a stage on Spark cannot use corrected rows", remedy: remedy, location: stage.location)
        }
        for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) {
            let validating = stage.definition.validatedInput?.value == name
            let location = stage.reads.first { $0.value == name }?.location
            if let obstacle = engine.obstacle(toRead: source, validating: validating, root: loaded.pipeline.root) {
                throw Failure(obstacle, remedy: remedy, location: location)
            }
            guard !engine.reads(source, validating: validating), let folder = attempt.stagingFolder else { continue }
            let copies = folder + "/.parquet"
            try makeFolder(copies)
            let file = "\(copies)/of-\(PathComponent.of(name.rawValue)).parquet"
            var script = SQLScript(title: "\(name) as Parquet")
            let list = source.columns.map { tools.sql.written($0, in: .parquet) }.joined(separator: ", ")
            script.add(
                "write the rows of \(name) as Parquet", weight: 10,
                .write(
                    "SELECT \(list) FROM \(source.fromClause(tools.sql))", to: SQLScript.OutputFile(file, .parquet)))
            _ = try await tools.ask(script, reading: source.files, writing: [copies], for: control)
            attempt.sources[name] = source.readingParquet(file)
            log.note("made Parquet of '\(name)' for Spark: \((FileText.size(file) ?? 0).shortBytes)")
        }
    }

    /// Makes one file of the parts that each statement of a script wrote, in the format of its dataset.
    ///
    /// - Throws: ``Failure`` when that cannot be done, or the rows are not as many as were written.
    func finishOutputs(of script: SQLScript, _ outputs: [StagedOutput], _ readings: DataReadings) async throws {
        guard engineTools.engine.writesParts, let folder = attempt.stagingFolder else { return }
        for (index, statement) in script.statements.enumerated() {
            guard case .write(_, to: let file) = statement.kind, file.path.hasPrefix(folder + "/"),
                FileText.isFolder(file.path)
            else { continue }
            let parts = "\(folder)/.parts-\(index + 1)"
            guard rename(file.path, parts) == 0 else { throw Failure("\(file.path) cannot be moved", errno: errno) }
            let names = try FileManager.default.contentsOfDirectory(atPath: parts).filter { $0.hasSuffix(".parquet") }
            // Of rows that are put aside the columns are not told.
            let columns = outputs.first { $0.staged == file.path }.flatMap { $0.columns.isEmpty ? nil : $0.columns }
            let source = DataSource(
                dataset: "parts", files: names.sorted().map { "\(parts)/\($0)" }, format: .parquet,
                columns: columns ?? [], isOwn: true)
            if source.files.isEmpty, columns == nil { throw Failure("Spark wrote no file to \(file.path)") }
            let list = columns.map { $0.map { tools.sql.written($0, in: file.format) }.joined(separator: ", ") } ?? "*"
            var one = SQLScript(title: "one file of what Spark wrote")
            let writing = one.add(
                "write what Spark wrote as one file", weight: 10,
                .write("SELECT \(list) FROM \(source.fromClause(tools.sql))", to: file))
            let answer = try await tools.ask(one, reading: source.files, writing: [folder], for: control)
            let (told, found) = (
                readings.written[SQLScript.StatementID(number: index + 1)] ?? -1, answer.written[writing] ?? -1
            )
            guard told == found else {
                throw Failure("Spark wrote \(told.counted("row")) to \(file.path), and \(found.grouped) are there")
            }
            // What stays goes with the attempt's folder.
            try? FileManager.default.removeItem(atPath: parts)
        }
    }
}

extension StageAttempt {
    /// Takes for Parquet what the engine does not read as it lies there, for SQL that a person runs.
    ///
    /// - Returns: What has to be made first, a comment each.
    package mutating func nameParquet(for engine: any SQLEngine) -> [String] {
        var words: [String] = []
        for (name, source) in sources.sorted(by: { $0.key < $1.key }) {
            let validating = stage.definition.validatedInput?.value == name
            if engine.reads(source, validating: validating) { continue }
            let file = ".parquet/of-\(PathComponent.of(name.rawValue)).parquet"
            sources[name] = source.readingParquet(file)
            words.append("-- Make Parquet of '\(name)' as \(file) first: caudal does that with DuckDB.\n")
        }
        return words
    }

    /// Names copies in place of the files that are copied before they are read, for SQL that is printed.
    ///
    /// - Returns: What is to be said of each, as comments.
    package mutating func nameCopies() -> [String] {
        sources.keys.sorted().flatMap { sources[$0]?.nameCopies() ?? [] }
    }
}
