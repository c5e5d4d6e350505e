package import CaudalModel

/// `enrich`: adds columns to rows from lookups.
package struct EnrichStage: StageType {
    package static let typeName = "enrich"
    package var runsOnSpark: Bool { true }

    package var input: Located<DatasetName>
    package var output: DatasetName
    package var lookups: [Lookup]

    package var inputs: [Located<DatasetName>] { [input] + lookups.map(\.dataset) }
    package var outputs: [DatasetName] { [output] }

    // MARK: - Reading

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> EnrichStage {
        let input = reader.text("input", isRequired: true) ?? Located("", at: reader.location)
        let output = reader.text("output", isRequired: true)
        let nodes = reader.nodes("lookups")
        if nodes.isEmpty { context.problems.report("\(reader.subject) needs 'lookups'", at: reader.location) }
        return EnrichStage(
            input: Located(DatasetName(input.value), at: input.location), output: DatasetName(output?.value ?? ""),
            lookups: nodes.map { lookup($0, context.problems) })
    }

    private static func lookup(_ node: ConfigNode, _ problems: ConfigProblems) -> Lookup {
        var reader = MappingReader(node, subject: "a lookup", kind: "lookup", problems: problems)
        let dataset = reader.text("dataset", isRequired: true) ?? Located("", at: node.location)
        var on: [(input: Located<String>, lookup: Located<String>)] = []
        if let keys = reader.node("on") {
            if case .mapping(let entries) = keys.content {
                on = entries.flatMap { entry in
                    problems.texts(of: entry.value, what: "'on'").prefix(1).map { (entry.key, $0) }
                }
            } else {
                on = problems.texts(of: keys, what: "'on'").map { ($0, $0) }
            }
        }
        if on.isEmpty { problems.report("a lookup needs 'on': the column to look up by", at: node.location) }
        var add: [(column: Located<String>, name: String)] = []
        for part in reader.nodes("add") {
            if case .mapping(let entries) = part.content {
                add += entries.flatMap { entry in
                    problems.texts(of: entry.value, what: "'add'").prefix(1).map { (entry.key, $0.value) }
                }
            } else {
                add += problems.texts(of: part, what: "'add'").map { ($0, $0.value) }
            }
        }
        if add.isEmpty { problems.report("a lookup needs 'add': the columns to take from it", at: node.location) }
        var validity: Lookup.Validity?
        if var inner = reader.mapping("valid", subject: "'valid'", kind: "lookup valid") {
            let from = inner.text("from", isRequired: true)
            let to = inner.text("to", isRequired: true)
            let at = inner.text("at", isRequired: true)
            inner.finish()
            if let from, let to, let at { validity = Lookup.Validity(from: from, to: to, at: at) }
        }
        let lookup = Lookup(
            dataset: Located(DatasetName(dataset.value), at: dataset.location), on: on, add: add,
            fallback: reader.node("default").flatMap { StepReader.value($0, problems) },
            duplicates: reader.choice("duplicates", as: Lookup.Duplicates.self) ?? .error, validity: validity,
            location: node.location)
        reader.finish()
        return lookup
    }

    package var readsParts: Bool { true }

    // MARK: - Typing

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] {
        guard let source = typing.sources[input.value] else { return [:] }
        var builder = RelationBuilder(source, numbersRows: false, references: typing.references, sql: typing.sql)
        for lookup in lookups {
            guard let other = typing.sources[lookup.dataset.value] else { return [:] }
            try builder.add(lookup, in: other)
        }
        return [output: builder.columns]
    }

    package func columnOrigins(_ typing: StageTyping, output: [Column]) throws(ConfigError) -> [ColumnOrigin] {
        guard let source = typing.sources[input.value] else { return [] }
        var tracker = ColumnTracker(source)
        for lookup in lookups { tracker.follow(lookup) }
        return tracker.origins(of: output)
    }

    // MARK: - Work

    /// Whether some lookup is a join, behind which the rows must be put into their order again.
    private func losesOrder(_ attempt: StageAttempt, _ source: DataSource) throws -> Bool {
        var builder = attempt.relation(of: source, numbersRows: false)
        for lookup in lookups {
            let other = try attempt.source(lookup.dataset.value)
            guard try builder.looksUpPlaces(lookup, in: other) else { return true }
            try builder.add(lookup, in: other)
        }
        return false
    }

    package func work(for attempt: StageAttempt) throws -> StageWork {
        let source = try attempt.source(input.value)
        let names = lookups.map(\.dataset.value.rawValue).joined(separator: ", ")
        var script = SQLScript(title: "\(attempt.pipeline.name) / \(attempt.stage.id): \(input.value) with \(names)")
        attempt.bind(attempt.itemReferences + attempt.references(of: attempt.stage.checks), in: &script)
        var builder = attempt.relation(of: source, numbersRows: try losesOrder(attempt, source))
        script.add(
            "count the rows of the input",
            .measure(.read, "(SELECT count(*) FROM (\(builder.query(selecting: "1"))))"))
        for (index, lookup) in lookups.enumerated() {
            let other = try attempt.source(lookup.dataset.value)
            if let refusal = try builder.refusalOfDuplicates(lookup, in: other) {
                script.add(
                    "refuse keys that \(lookup.dataset.value) has more than once", location: lookup.location, refusal)
            }
            script.add(
                "count the rows that \(lookup.dataset.value) does not know", weight: 3,
                .measure(.unmatched(lookup: index), "(\(try builder.countOfUnmatched(lookup, in: other)))"))
            if try builder.looksUpPlaces(lookup, in: other) {
                try builder.addByPlace(lookup, in: other, index: index, to: &script)
            } else {
                try builder.add(lookup, in: other)
            }
        }
        let output = try attempt.writtenOutput(self.output, columns: builder.columns)
        let writing = script.add(
            "write the result", weight: 12, .write(builder.result(in: output.file.format), to: output.file))
        let written = script.statements.count
        let judge = attempt.addChecks(on: output.rows, to: &script)
        let lookups = lookups
        return .data(
            DataWork(
                script: script, reads: attempt.sources.sorted { $0.key < $1.key }.map(\.value),
                outputs: [output.staged],
                essentialStatements: written, threads: attempt.threads, memory: attempt.stage.resources.memory,
                conclude: { readings in
                    guard let read = readings.count(.read), let count = readings.written[writing] else {
                        throw Failure.uncounted
                    }
                    guard read == count else {
                        throw Failure(
                            "\(read.counted("row")) read and \(count.grouped) written: a lookup found several rows for one",
                            remedy: "remove the repeated keys, or set 'duplicates' to first or last")
                    }
                    let steps = lookups.map {
                        StepCount(step: "look up \($0.dataset.value)", rowsIn: read, rowsOut: count)
                    }
                    let notes = lookups.enumerated().compactMap { index, lookup -> String? in
                        let missed = readings.count(.unmatched(lookup: index)) ?? 0
                        let rows = "\(missed.counted("row")) \(missed == 1 ? "is" : "are")"
                        return missed == 0 ? nil : "\(rows) not in \(lookup.dataset.value)"
                    }
                    return DataOutcome(
                        rows: RowAccount(read: read, written: count, steps: steps),
                        outputRows: [output.file.path: count],
                        notes: notes)
                },
                judge: judge))
    }
}
