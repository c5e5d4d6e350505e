package import CaudalModel

/// `process`: passes rows through a list of steps, from one input to one output.
///
/// A fan-out must not change the result: when items divide the rows by a column, a key that occurs in the rows of two
/// items is still a duplicate. The duplicated keys are therefore found once for all items, before the first of them.
package struct ProcessStage: StageType {
    package static let typeName = "process"
    package var runsOnSpark: Bool { true }

    package var input: Located<DatasetName>
    package var output: DatasetName
    package var steps: [Located<Step>]
    /// How its rows are added to those that its output has; nil replaces them.
    package var merge: OutputMerge?

    package var mergedOutput: DatasetName? { merge == nil ? nil : output }
    package var watermark: Located<String>? { merge?.watermark?.column }
    package var watermarkedInput: DatasetName? { watermark == nil ? nil : input.value }
    package var newRowsAlone: NewRowsAlone? {
        merge?.newRowsAlone(named: DatasetName(Query.inputName))
    }
    package func reuseObstacle(isWanted: Bool) -> String? {
        merge == nil ? nil : "it adds to what its output has"
    }
    package var fanOutObstacle: (message: String, remedy: String?)? {
        guard watermark != nil, deduplicates(after: -1) else { return nil }
        return (
            "cannot have both 'watermark' and a step 'deduplicate': duplicates are found in the rows of all items",
            "deduplicate in a stage before it"
        )
    }

    package var inputs: [Located<DatasetName>] {
        [input] + queriedDatasets.filter { $0.value != input.value }
    }
    package var outputs: [DatasetName] { [output] }
    /// The datasets that `sql` steps read besides the rows so far, each once.
    package var queriedDatasets: [Located<DatasetName>] {
        var seen: Set<DatasetName> = []
        return steps.flatMap { step -> [Located<DatasetName>] in
            if case .sql(let query) = step.value { query.reads } else { [] }
        }.filter { seen.insert($0.value).inserted }
    }
    package var references: [(Template.Reference, SourceLocation)] {
        steps.flatMap { step in step.value.references.map { ($0, step.location) } }
    }

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> ProcessStage {
        let input = reader.text("input", isRequired: true) ?? Located("", at: reader.location)
        let output = reader.text("output", isRequired: true)
        let steps = StepReader.read(reader.nodes("steps"), context.problems)
        return ProcessStage(
            input: Located(DatasetName(input.value), at: input.location), output: DatasetName(output?.value ?? ""),
            steps: steps, merge: OutputMerge.read(&reader, context.problems))
    }

    package mutating func visitQueries(_ visit: (inout Query) -> Void) {
        for index in steps.indices {
            guard case .sql(var query) = steps[index].value else { continue }
            visit(&query)
            steps[index].value = .sql(query)
        }
    }

    // A query of the user may depend on the order in which the rows come.
    package var readsParts: Bool { steps.allSatisfy { if case .sql = $0.value { false } else { true } } }

    // MARK: - Typing

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] {
        if let obstacle = typing.sql.obstacleToFirstRows,
            let index = steps.indices.first(where: { if case .sql = steps[$0].value { true } else { false } }),
            deduplicates(after: index)
        {
            throw ConfigError(
                obstacle, remedy: "deduplicate before the query, or in a stage of its own", at: steps[index].location)
        }
        guard let source = typing.sources[input.value] else { return [:] }
        var builder = RelationBuilder(source, numbersRows: false, references: typing.references, sql: typing.sql)
        for (index, step) in steps.enumerated() {
            if case .sql = step.value, typing.queryColumns[index] == nil { return [:] }
            try builder.add(step.value, duplicates: nil, queryColumns: typing.queryColumns[index])
        }
        try check(builder.writtenColumns, source)
        return [output: merge?.written(builder.writtenColumns) ?? builder.writtenColumns]
    }

    private func check(_ columns: [Column], _ source: DataSource) throws(ConfigError) {
        try merge?.check(columns)
        guard let watermark = merge?.watermark else { return }
        if let other = watermark.input, other.value != input.value {
            throw ConfigError(
                "'\(watermark.column.value)' tells the new rows of '\(input.value)', which the steps begin with",
                remedy: "remove 'watermark_of'", at: other.location)
        }
        try watermark.check(source, output: columns)
        if let newRowsAlone { try refusePartsOfKeys(newRowsAlone) }
    }

    /// Refuses a step that looks for duplicates, where those among the new rows are not all that there are: only where the
    /// newest row of a key stays, and takes the place of the one in the output, is it the same.
    private func refusePartsOfKeys(_ new: NewRowsAlone) throws(ConfigError) {
        let column = new.column.value
        var hasChosen = false
        for step in steps {
            guard case .deduplicate(let by, let keep, let order) = step.value else {
                if hasChosen, step.value.changesRowCount { throw Self.fault(ofLeavingOutAt: step.location, column) }
                if case .sql(let query) = step.value { hasChosen = query.gatherings.contains { $0.greatest != nil } }
                continue
            }
            let names = Set(by.map(\.value))
            if names.contains(column) { continue }
            guard keep == .last, names == Set(new.key), let order, order.value == new.deciding else {
                throw ConfigError(
                    "duplicates are looked for among the rows that are new by '\(column)', and not among all rows",
                    remedy: (new.key.isEmpty
                        ? ""
                        : "keep the last row by the columns of 'key', with one 'order_by' there and of the stage, ")
                        + "deduplicate in a stage behind this one, or write 'partial: true' if that is meant",
                    at: step.location)
            }
            hasChosen = true
        }
    }

    /// What is wrong with leaving out a row that takes the place of an older one.
    private static func fault(ofLeavingOutAt location: SourceLocation, _ column: String) -> ConfigError {
        ConfigError(
            "the newest row of a key is left out where it does not fit, and the output keeps an older one: only rows that are "
                + "new by '\(column)' are read",
            remedy:
                "filter before 'deduplicate', which chooses the newest of the rows that fit, or filter in a stage behind this "
                + "one; or write 'partial: true' if that is meant", at: location)
    }

    package func question(_ typing: StageTyping) throws(ConfigError) -> ColumnQuestion? {
        guard var source = typing.sources[input.value],
            let index = steps.indices.first(where: { index in
                if case .sql = steps[index].value { typing.queryColumns[index] == nil } else { false }
            }), case .sql(let query) = steps[index].value
        else { return nil }
        source.files = []
        var script = SQLScript(title: "the columns of a query")
        for reference in steps.flatMap(\.value.references) { script.bind(reference, nil, typing.references) }
        let sql = typing.sql
        for name in queriedDatasets {
            guard var other = typing.sources[name.value] else { return nil }
            other.files = []
            script.name(name.value.rawValue, as: "SELECT \(list(other, for: query, sql)) FROM \(other.fromClause(sql))")
        }
        var builder = RelationBuilder(source, numbersRows: false, references: typing.references, sql: typing.sql)
        for (earlier, step) in steps[..<index].enumerated() {
            try builder.add(step.value, duplicates: nil, queryColumns: typing.queryColumns[earlier])
        }
        func text(_ input: String) -> String {
            "(WITH input AS (\n\(input)\n)\nSELECT * FROM (\n\(sql.bound(query.value))\n))"
        }
        script.add(
            "describe the columns", holding: query,
            .columns(of: text(builder.query(selecting: builder.inputList(for: query.value))), as: .column))
        var asked = ColumnQuestion(index: index, script: script, location: query.location)
        let others = queriedDatasets.compactMap { typing.sources[$0.value] }
        asked.askForZones([builder.columns] + others.map(\.columns), of: query.value.description, sql) {
            script, kind, list in
            for var other in others {
                other.files = []
                script.name(other.dataset.rawValue, as: "SELECT \(list(other.columns)) FROM \(other.fromClause(sql))")
            }
            let input = "SELECT \(list(builder.columns)) FROM (\n\(builder.query())\n)"
            script.add("describe the columns with time zones", .columns(of: text(input), as: kind))
        }
        return asked
    }

    package func textsReadAsTimes(_ typing: StageTyping) -> DatasetName? {
        steps.contains { $0.value.castsToTimestamp } ? input.value : nil
    }

    package func columnOrigins(_ typing: StageTyping, output: [Column]) throws(ConfigError) -> [ColumnOrigin] {
        guard let source = typing.sources[input.value] else { return [] }
        var tracker = ColumnTracker(source)
        var builder = RelationBuilder(source, numbersRows: false, references: typing.references, sql: typing.sql)
        for (index, step) in steps.enumerated() {
            if case .sql = step.value, typing.queryColumns[index] == nil { return [] }
            try builder.add(step.value, duplicates: nil, queryColumns: typing.queryColumns[index])
            tracker.follow(step.value, columns: builder.columns, queried: queriedDatasets.map(\.value))
        }
        return tracker.origins(of: builder.columns)
    }

    // MARK: - Work

    private func deduplicates(after index: Int) -> Bool {
        steps[(index + 1)...].contains { if case .deduplicate = $0.value { true } else { false } }
    }

    package func work(for attempt: StageAttempt) throws -> StageWork {
        let source = try attempt.source(input.value)
        var script = SQLScript(
            title: "\(attempt.pipeline.name) / \(attempt.stage.id): \(steps.count) steps on \(input.value)")
        let references = steps.flatMap(\.value.references) + attempt.references(of: attempt.stage.checks)
        attempt.bind(attempt.itemReferences + references, in: &script)
        addViews(attempt, to: &script)
        var builder = attempt.relation(of: source, numbersRows: deduplicates(after: -1))
        script.add(
            "count the rows of the input", weight: 2,
            .measure(.read, "(SELECT count(*) FROM (\(builder.query(selecting: "1"))))"))
        let changing = steps.indices.filter { steps[$0].value.changesRowCount }
        for (index, step) in steps.enumerated() {
            try builder.add(
                step.value, duplicates: try place(of: index, attempt, builder, &script),
                queryColumns: attempt.queryColumns[index])
            if case .sql = step.value, deduplicates(after: index) {
                script.add(
                    "keep the result of the query", weight: 10,
                    builder.materialize(as: OwnName.of("result_\(index + 1)")))
            }
            // The rows after the last changing step are counted as they are written.
            if changing.contains(index), index != changing.last {
                script.add(
                    "count the rows after: \(step.value.title)", weight: 5,
                    .measure(
                        .rowsAfter(step: index), "(SELECT count(*) FROM (\n\(builder.query(selecting: "1"))\n))"))
            }
        }
        let columns = builder.writtenColumns
        let output = try attempt.writtenOutput(self.output, columns: merge?.written(columns) ?? columns)
        try check(columns, source)
        let rows = try merged(builder, output.file, attempt, &script)
        let writing = script.add("write the result", weight: 12, .write(rows, to: output.file))
        let written = script.statements.count
        let judge = attempt.addChecks(on: output.rows, to: &script)
        let stage = self
        return .data(
            DataWork(
                script: script,
                reads: [source] + attempt.otherSources(than: input.value) + [attempt.existing].compactMap { $0 },
                outputs: [output.staged],
                essentialStatements: written, threads: attempt.threads, memory: attempt.stage.resources.memory,
                conclude: { [start = attempt.start] readings in
                    if let fault = stage.merge?.fault(readings, from: start) { throw fault }
                    let written = readings.written[writing]
                    // What was there besides is none of the rows that were read.
                    let own = stage.merge == nil ? written : readings.count(.added)
                    var outcome = try stage.conclude(readings, output: output.file.path, written: own)
                    outcome.outputRows[output.file.path] = written
                    outcome.notes += stage.merge?.notes(readings, from: start) ?? []
                    return outcome
                },
                judge: judge))
    }

    private static let newName = OwnName.of("new")
    private static let oldName = OwnName.of("old")

    /// The rows that are written: those of the steps, and those that the output keeps.
    private func merged(
        _ builder: RelationBuilder, _ file: SQLScript.OutputFile, _ attempt: StageAttempt, _ script: inout SQLScript
    ) throws -> String {
        let rows = builder.result(in: file.format)
        guard let merge else { return rows }
        let sql = attempt.sql
        let (new, old) = (sql.name(Self.newName), sql.name(Self.oldName))
        script.add("keep the new rows", weight: 12, .table(rows, as: new))
        script.add("count them", weight: 0.5, .measure(.added, "(SELECT count(*) FROM \(new))"))
        let read = attempt.relation(of: try attempt.source(input.value), numbersRows: false)
        merge.addMeasures(of: new, reading: "(\n\(read.query())\n)", from: attempt.start, to: &script, sql)
        let writing = merge.writing(builder.writtenColumns, new: new, for: attempt)
        guard let existing = attempt.existing else {
            writing?.addMeasures(old: nil, to: &script)
            return writing?.query(old: nil) ?? "SELECT * FROM \(new)"
        }
        try merge.refuse(
            existing, merge.written(builder.writtenColumns), at: attempt.stage.outputLocation,
            root: attempt.pipeline.root)
        script.name(Self.oldName, as: "SELECT * FROM \(existing.fromClause(sql))")
        writing?.addMeasures(old: old, to: &script)
        merge.addMeasures(of: new, beside: old, builder.writtenColumns, from: attempt.start, to: &script, sql)
        return writing?.query(old: old)
            ?? merge.query(builder.writtenColumns, new: new, old: old, from: attempt.start, sql)
    }

    /// Where the duplicated keys of a step are: in a file that the fan-out prepared, or in a table of this script.
    private func place(
        of index: Int, _ attempt: StageAttempt, _ builder: RelationBuilder, _ script: inout SQLScript
    ) throws -> RelationBuilder.DuplicatesPlace? {
        guard case .deduplicate = steps[index].value, let query = builder.duplicatedKeys(of: steps[index].value) else {
            return nil
        }
        if isShared(index, attempt), let path = sharedFile(index, attempt) { return .file(path) }
        let source = try attempt.source(input.value)
        let table = OwnName.of("duplicates_\(index + 1)")
        // A person who runs the script of one item sees what the fan-out would have prepared.
        let whole = isShared(index, attempt) ? try wholeQuery(before: index, attempt) ?? query : query
        script.add(
            "find the keys that several rows have", weight: 8,
            .table(whole, as: attempt.sql.name(table)))
        guard source.numbersFewRows, attempt.sql.keepsOrder,
            let dropped = builder.rowsToDrop(steps[index].value, duplicates: table)
        else {
            return .table(table)
        }
        let (rows, set, last) = ("dropped_\(index + 1)", "dropped_set_\(index + 1)", "dropped_last_\(index + 1)")
        let name = attempt.sql.name(OwnName.of(rows))
        script.add("find the rows to drop", weight: 3, .table(dropped, as: name))
        script.add("note the last of them", .note("(SELECT max(\"row\") FROM \(name))", as: last))
        let noted = attempt.sql.rowSet("\"row\"", last: attempt.sql.noted(last))
        script.add("note them as a set", .note("(SELECT \(noted) FROM \(name))", as: set))
        return .rows(set: set, last: last)
    }

    private func sharedFile(_ index: Int, _ attempt: StageAttempt) -> String? {
        attempt.sharedFolder.map { "\($0)/duplicates_\(index + 1).parquet" }
    }

    /// Whether a step finds duplicates over all items together: every step before it treats a row the same in each
    /// item, and rows of one key may be in several items.
    private func isShared(_ index: Int, _ attempt: StageAttempt) -> Bool {
        let variables = attempt.partitionVariables
        guard attempt.stage.fanOut != nil, !variables.isEmpty, case .deduplicate(let keys, _, _) = steps[index].value
        else { return false }
        // Where the key has all of the items' columns, as they were read, its rows are in one item.
        let keyed = Set(keys.map(\.value))
        if variables.allSatisfy(keyed.contains), !steps[..<index].contains(where: { $0.value.changes(variables) }) {
            return false
        }
        return steps[..<index].allSatisfy { step in
            if case .sql = step.value { return false }
            return !step.value.references.contains { if case .item = $0 { true } else { false } }
        }
    }

    /// The query for the duplicated keys of a step, over the rows of all items.
    private func wholeQuery(before index: Int, _ attempt: StageAttempt) throws -> String? {
        var builder = RelationBuilder(
            try attempt.source(input.value), numbersRows: true, references: attempt.referenceTypes, sql: attempt.sql)
        for (earlier, step) in steps[..<index].enumerated() {
            let place =
                isShared(earlier, attempt)
                ? sharedFile(earlier, attempt).map { RelationBuilder.DuplicatesPlace.file($0) } : nil
            try builder.add(step.value, duplicates: place)
        }
        return builder.duplicatedKeys(of: steps[index].value)
    }

    package func preparation(for attempt: StageAttempt) throws -> [SQLScript.Statement] {
        var statements: [SQLScript.Statement] = []
        for index in steps.indices where isShared(index, attempt) {
            guard let path = sharedFile(index, attempt), let query = try wholeQuery(before: index, attempt) else {
                continue
            }
            statements.append(
                SQLScript.Statement(
                    title: "find the keys that several rows have, in all items",
                    kind: .write(query, to: SQLScript.OutputFile(path, .parquet)), weight: 8))
        }
        return statements
    }

    private func addViews(_ attempt: StageAttempt, to script: inout SQLScript) {
        let sql = attempt.sql
        for name in queriedDatasets {
            guard let other = attempt.sources[name.value] else { continue }
            // One view serves all steps, and is read with zones as soon as one step needs them.
            let isZoned = steps.contains { step in
                if case .sql(let query) = step.value { ZonedView.isWanted(by: query.value.description) } else { false }
            }
            let list = isZoned ? ZonedView.list(other.columns, sql) : "*"
            script.name(name.value.rawValue, as: "SELECT \(list) FROM \(other.fromClause(sql))")
        }
    }

    private func list(_ source: DataSource, for query: Query, _ sql: any SQLDialect) -> String {
        ZonedView.isWanted(by: query.value.description) ? ZonedView.list(source.columns, sql) : "*"
    }

    private func conclude(_ readings: DataReadings, output: String, written: Int64?) throws(Failure) -> DataOutcome {
        guard let read = readings.count(.read), let written else { throw .uncounted }
        var account = RowAccount(read: read, written: written)
        var before = read
        let changing = steps.indices.filter { steps[$0].value.changesRowCount }
        for index in changing {
            let after = index == changing.last ? written : readings.count(.rowsAfter(step: index)) ?? before
            account.steps.append(StepCount(step: steps[index].value.title, rowsIn: before, rowsOut: after))
            switch steps[index].value {
            case .deduplicate: account.duplicates += before - after
            // A query may add and drop rows: only the difference is known.
            case .sql: if after > before { account.made += after - before } else { account.dropped += before - after }
            default: account.dropped += before - after
            }
            before = after
        }
        guard account.isBalanced else {
            throw Failure(
                "\(read.counted("row")) read and \(written.grouped) written, and no step dropped the others")
        }
        return DataOutcome(rows: account, outputRows: [output: written])
    }
}
