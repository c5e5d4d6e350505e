package import CaudalModel

/// `load`: writes a dataset into a table of a connection, in one transaction.
package struct LoadStage: StageType {
    package static let typeName = "load"

    package var input: Located<DatasetName>
    package var output: DatasetName
    package var mode: LoadMode
    /// The columns that identify a row, for ``LoadMode/upsert``.
    package var key: [Located<String>]
    /// Where the stage names the dataset that it loads.
    package var location: SourceLocation

    package var inputs: [Located<DatasetName>] { [input] }
    package var outputs: [DatasetName] { [output] }
    package var loadedTable: DatasetName? { output }
    package var loadMode: LoadMode? { mode }
    package var fanOutObstacle: (message: String, remedy: String?)? {
        ("a load stage cannot have 'foreach'", "it takes the rows of all items in one transaction")
    }
    package func reuseObstacle(isWanted: Bool) -> String? { "a table may have changed since it was loaded" }
    package var checksInput: Bool { true }

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> LoadStage {
        let input = reader.text("input", isRequired: true) ?? Located("", at: reader.location)
        let output = reader.text("output", isRequired: true)
        let mode = reader.choice("mode", as: LoadMode.self)
        if mode == nil, reader.node("mode") == nil {
            reader.reportMissing(
                "\(reader.subject) needs 'mode'", remedy: "write replace, append or upsert", at: reader.location)
        }
        let key = reader.texts("key")
        if mode == .upsert, key.isEmpty {
            reader.reportMissing(
                "'mode: upsert' needs 'key'", remedy: "name the columns that identify a row: key: [id]",
                at: reader.location(of: "mode"))
        }
        if let mode, mode != .upsert, !key.isEmpty {
            context.problems.report("'key' belongs to 'mode: upsert'", at: reader.location(of: "key"))
        }
        return LoadStage(
            input: Located(DatasetName(input.value), at: input.location), output: DatasetName(output?.value ?? ""),
            mode: mode ?? .replace, key: key, location: output?.location ?? reader.location)
    }

    /// - Throws: ``ConfigError`` when the rows do not fit the table, as far as the columns of both are known.
    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] {
        guard let source = typing.sources[input.value] else { return [:] }
        for name in key where !source.columnNames.contains(name.value) {
            throw ConfigError(
                "'\(input.value)' has no column '\(name.value)'"
                    + Suggestion.phrase(for: name.value, among: source.columnNames), at: name.location)
        }
        guard let target = typing.target else { return [output: source.columns] }
        if let fault = target.fault(loading: source.columns) {
            throw ConfigError(fault.message, remedy: fault.remedy, at: location)
        }
        if let columns = target.columns { return [output: columns.map { Column($0.name, $0.type) }] }
        return [output: source.columns.map { Column($0.name, target.type(for: $0)) }]
    }

    package func work(for attempt: StageAttempt) throws -> StageWork {
        let source = try attempt.source(input.value)
        guard let target = attempt.loadTarget else { throw Failure("the table '\(output)' is not known") }
        let columns = try outputColumns(attempt.typing)[output] ?? source.columns
        let checks = attempt.stage.checks
        if let fault = CheckCompiler.faults(
            of: checks, columns: source.columns, references: attempt.referenceTypes
        ).first {
            throw fault
        }
        let compiler = LoadCompiler(source: source, target: target, mode: mode, key: key.map(\.value))
        let title = "\(attempt.pipeline.name) / \(attempt.stage.id): \(input.value) into \(target.table)"
        var examination = SQLScript(title: title + ", before it is loaded")
        attempt.bind(attempt.references(of: checks), in: &examination)
        compiler.addExamination(to: &examination)
        let essential = examination.statements.count
        let judge = attempt.addChecks(on: source, to: &examination)
        let load = LoadRecord.Key(run: attempt.facts.runID, stage: attempt.stage.id)
        let pipeline = attempt.pipeline.name
        let object = target.link.store == nil ? nil : attempt.stagingFolder.map { $0 + "/object.parquet" }
        return .load(
            LoadWork(
                examination: DataWork(
                    script: examination, reads: [source] + attempt.otherSources(than: input.value),
                    essentialStatements: essential, threads: attempt.threads, memory: attempt.stage.resources.memory,
                    conclude: { readings in
                        let record = try compiler.record(readings)
                        return DataOutcome(rows: RowAccount(read: record.rows, written: record.rows))
                    },
                    judge: judge),
                target: target, mode: mode, output: output, columns: columns, files: source.files, object: object,
                record: { readings throws(LoadError) in try compiler.record(readings) },
                load: { record in
                    var script = SQLScript(title: title)
                    if let object {
                        compiler.addObject(to: &script, at: object)
                        return script
                    }
                    compiler.addLoad(to: &script, key: load, pipeline: pipeline, record: record)
                    return script
                }, removal: compiler.removal(of: load)))
    }
}

/// A load: the examination of the rows before the database is changed, and the transaction.
package struct LoadWork: Sendable {
    /// Counts, key tests and checks of the rows; its script may contain user SQL and has no access to the database.
    package var examination: DataWork
    package var target: LoadTarget
    package var mode: LoadMode
    package var output: DatasetName
    /// The columns of the table after the load.
    package var columns: [Column]
    /// The files with the rows.
    package var files: [String]
    /// The file that the rows are written to before it takes the place of an object; nil for a table.
    package var object: String?
    /// Makes the load's record from the results of the examination.
    package var record: @Sendable (DataReadings) throws(LoadError) -> LoadRecord
    /// Makes the script of the transaction.
    package var load: @Sendable (LoadRecord) -> SQLScript
    /// Removes what the script has created before it failed; nil where that is undone with its transaction.
    package var removal: SQLScript?
}

extension Stage {
    /// The table that the stage loads; nil for other types.
    package var loadOutput: DatasetName? { definition.loadedTable }

    /// The datasets that an attempt is given.
    package var dataNames: [DatasetName] { reads.map(\.value) }
}
