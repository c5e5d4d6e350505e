package import CaudalModel

/// `sql`: runs a query over datasets and writes its rows to one output.
package struct SQLStage: StageType {
    package static let typeName = "sql"
    package var runsOnSpark: Bool { true }

    /// The datasets that the file lists as inputs; the query may read others as well.
    package var named: [Located<DatasetName>]
    package var output: DatasetName
    package var query: Query
    /// How its rows are merged into those that the output has; nil replaces them.
    package var merge: OutputMerge?

    package var mergedOutput: DatasetName? { merge == nil ? nil : output }
    package var watermark: Located<String>? { merge?.watermark?.column }
    /// Where it is not known which one is meant, ``outputColumns(_:)`` says so.
    package var watermarkedInput: DatasetName? { try? merge?.watermark?.input(of: inputs) }
    package var newRowsAlone: NewRowsAlone? {
        watermarkedInput.flatMap { merge?.newRowsAlone(named: $0) }
    }
    package func reuseObstacle(isWanted: Bool) -> String? {
        merge == nil ? nil : "it adds to what its output has"
    }

    package var inputs: [Located<DatasetName>] {
        named + query.reads.filter { read in !named.contains { $0.value == read.value } }
    }

    package var outputs: [DatasetName] { [output] }
    package var dividesRows: Bool { false }
    package var references: [(Template.Reference, SourceLocation)] {
        query.value.references.map { ($0, query.location) }
    }

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> SQLStage {
        let named = reader.texts("inputs").map { Located(DatasetName($0.value), at: $0.location) }
        let output = reader.text("output", isRequired: true)
        let text = reader.text("query", isRequired: true)
        let query =
            text.flatMap { context.problems.query($0) } ?? Query(Template(text: "SELECT 1"), at: reader.location)
        return SQLStage(
            named: named, output: DatasetName(output?.value ?? ""), query: query,
            merge: OutputMerge.read(&reader, context.problems))
    }

    package mutating func visitQueries(_ visit: (inout Query) -> Void) { visit(&query) }

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] {
        if let watermark = merge?.watermark { _ = try watermark.input(of: inputs) }
        guard let found = typing.queryColumns[0] else { return [:] }
        let columns = found.map { typing.sql.narrowed($0) }
        try check(columns, typing)
        return [output: merge?.written(columns) ?? columns]
    }

    package func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion? {
        guard typing.queryColumns[0] == nil, inputs.allSatisfy({ typing.sources[$0.value] != nil }) else { return nil }
        let sql = typing.sql
        var script = SQLScript(title: "the columns of a query")
        for reference in query.value.references { script.bind(reference, nil, typing.references) }
        for input in inputs {
            guard var source = typing.sources[input.value] else { continue }
            source.files = []
            let list = ZonedView.isWanted(by: query.value.description) ? ZonedView.list(source.columns, sql) : "*"
            script.name(input.value.rawValue, as: "SELECT \(list) FROM \(source.fromClause(sql))")
        }
        let text = "(SELECT * FROM (\n\(sql.bound(query.value))\n))"
        script.add("describe the columns", holding: query, .columns(of: text, as: .column))
        var question = ColumnQuestion(index: 0, script: script, location: query.location)
        let sources = inputs.compactMap { typing.sources[$0.value] }
        question.askForZones(sources.map(\.columns), of: query.value.description, sql) { script, kind, list in
            for var source in sources {
                source.files = []
                let rows = source.fromClause(sql)
                script.name(source.dataset.rawValue, as: "SELECT \(list(source.columns)) FROM \(rows)")
            }
            script.add("describe the columns with time zones", .columns(of: text, as: kind))
        }
        return question
    }

    private func check(_ columns: [Column], _ typing: StageTyping) throws(ConfigError) {
        try merge?.check(columns)
        guard let input = watermarkedInput else { return }
        try merge?.watermark?.check(typing.sources[input], output: columns)
    }

    /// The rows that are written where the output has rows of its own, or their history is kept.
    private func merged(
        _ merge: OutputMerge, _ columns: [Column], new: String, _ attempt: StageAttempt, _ script: inout SQLScript
    ) throws -> String {
        let sql = attempt.sql
        var old: String?
        if let existing = attempt.existing {
            try merge.refuse(existing, merge.written(columns), at: query.location, root: attempt.pipeline.root)
            script.name(Self.oldName, as: "SELECT * FROM \(existing.fromClause(sql))")
            old = sql.name(Self.oldName)
        }
        if let writing = merge.writing(columns, new: new, for: attempt) {
            writing.addMeasures(old: old, to: &script)
            return writing.query(old: old)
        }
        merge.addMeasures(of: new, beside: old ?? "", columns, from: attempt.start, to: &script, sql)
        return merge.query(columns, new: new, old: old ?? "", from: attempt.start, sql)
    }

    private static let resultName = OwnName.of("result")
    private static let newName = OwnName.of("new")
    private static let oldName = OwnName.of("old")

    package func work(for attempt: StageAttempt) throws -> StageWork {
        let sql = attempt.sql
        let resultName = sql.name(Self.resultName)
        var script = SQLScript(title: "\(attempt.pipeline.name) / \(attempt.stage.id): a query")
        attempt.bind(
            query.value.references + attempt.itemReferences + attempt.references(of: attempt.stage.checks), in: &script)
        for input in inputs {
            let source = try attempt.source(input.value)
            let rows = attempt.relation(of: source, numbersRows: false)
            script.name(input.value.rawValue, as: rows.query(selecting: rows.inputList(for: query.value)))
        }
        let text = sql.bound(query.value)
        script.add(
            "name the result", weight: 0.1, holding: query,
            .view("SELECT * FROM (\n\(text)\n)", as: Self.resultName))
        let found = attempt.queryColumns[0] ?? []
        script.add(
            "compare its columns with those that were announced", weight: 0.1, location: query.location,
            .expect(found, of: "SELECT * FROM \(resultName)"))
        // Sums of whole numbers have 128 bits, which Parquet keeps as floating point: what does not fit into 64 fails.
        let columns = found.map { sql.narrowed($0) }
        try check(columns, attempt.typing)
        let output = try attempt.writtenOutput(self.output, columns: merge?.written(columns) ?? columns)
        let list = zip(columns, found).map { column, found in
            let value = found == column ? nil : sql.narrowedValue(of: found)
            return sql.written(column, as: value, in: output.file.format)
        }.joined(separator: ", ")
        var rows = "SELECT \(list) FROM \(resultName)"
        let (new, isAdded) = (sql.name(Self.newName), attempt.existing != nil || merge?.history != nil)
        // What is measured is what is written, also where a query does not give the same twice.
        if isAdded { script.add("keep the new rows", weight: 12, location: query.location, .table(rows, as: new)) }
        merge?.addMeasures(
            of: isAdded ? new : resultName, reading: watermarkedInput.map { sql.name($0.rawValue) },
            from: attempt.start, to: &script, sql)
        if let merge, isAdded { rows = try merged(merge, columns, new: new, attempt, &script) }
        let writing = script.add(
            "write the result", weight: 12, location: query.location, .write(rows, to: output.file))
        let essential = script.statements.count
        let judge = attempt.addChecks(on: output.rows, to: &script)
        return .data(
            DataWork(
                script: script,
                reads: attempt.sources.sorted { $0.key < $1.key }.map(\.value) + [attempt.existing].compactMap { $0 },
                outputs: [output.staged],
                essentialStatements: essential, threads: attempt.threads, memory: attempt.stage.resources.memory,
                conclude: { [merge, start = attempt.start] readings in
                    if let fault = merge?.fault(readings, from: start) { throw fault }
                    guard let count = readings.written[writing] else { throw Failure.uncounted }
                    return DataOutcome(
                        rows: RowAccount(read: count, written: count, isReadKnown: false),
                        outputRows: [output.file.path: count], notes: merge?.notes(readings, from: start) ?? [])
                },
                judge: judge))
    }
}
