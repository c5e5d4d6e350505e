import CaudalModel

/// Finds what the queries of a pipeline read, and reports what is wrong with them.
package struct QueryExamination {
    private let queries: any QueryReader
    private let problems: ConfigProblems
    /// The lines of the pipeline file, in which the parts of queries are located.
    private let lines: [String]

    init(_ queries: any QueryReader, _ problems: ConfigProblems, lines: [String]) {
        self.queries = queries
        self.problems = problems
        self.lines = lines
    }

    /// Fills in what each query reads; stages with a query that cannot be examined are noted as unsound.
    ///
    /// - Parameter variables: The process's environment, by which the SQL engine is found.
    func examine(_ pipeline: inout Pipeline, _ notes: inout ReadingNotes, _ variables: [String: String]) {
        var texts: [String] = []
        var hasQueries = false
        var stages = pipeline.stages
        for index in stages.indices {
            stages[index].visitQueries { query in
                hasQueries = true
                query.places = TextPlaces(of: query.value, at: query.location, lines: lines) { reference in
                    queries.dialect.variable(reference, as: .text).utf8.count
                }
                // A reference in quotation marks was reported; what the engine says of it would only follow from that.
                if SQLText.quotedReferences(in: query.value).isEmpty {
                    texts.append(queries.dialect.bound(query.value))
                }
            }
        }
        guard hasQueries else { return }
        // Set once at the end: each assignment makes the pipeline index its stages by name again.
        defer { pipeline.stages = stages }
        // A file without SQL needs no SQL engine.
        if texts.isEmpty { return }
        let readings: [String: Result<QueryReading, QueryReading.Fault>]
        do throws(Failure) {
            readings = try queries.readings(of: texts, root: pipeline.root, variables: variables)
        } catch {
            problems.report(
                "the datasets that the queries of this file read are not known: \(error.message)", remedy: error.remedy,
                at: .whole(pipeline.file))
            notes.unsoundStages.formUnion(pipeline.stages.map(\.id))
            return
        }
        let names = DatasetNames(pipeline.datasets.map(\.name))
        for index in stages.indices {
            let count = problems.errors.count
            let isOfDuckDB = stages[index].engine == .duckdb
            stages[index].visitQueries { query in
                switch readings[queries.dialect.bound(query.value)] {
                case .success(let reading)?: take(reading, into: &query, names, notes)
                // Spark has words of its own, and says itself what it does not understand.
                case .failure? where !isOfDuckDB: break
                case .failure(let fault)?:
                    problems.report(
                        fault.message, remedy: fault.remedy,
                        at: fault.offset.map { query.place(of: $0) } ?? query.location)
                case nil: break
                }
            }
            checkCase(of: stages[index])
            checkGatherings(of: stages[index])
            if problems.errors.count > count { notes.unsoundStages.insert(stages[index].id) }
        }
    }

    private func take(
        _ reading: QueryReading, into query: inout Query, _ names: DatasetNames, _ notes: ReadingNotes
    ) {
        query.unsteady = reading.unsteady
        query.gatherings = reading.gatherings
        for table in reading.tables {
            let isUnqualified = table.qualifier.isEmpty
            let isReread = reading.rereads.contains(table.name.lowercased())
            if query.hasInput, isUnqualified, table.name.lowercased() == Query.inputName {
                if isReread { query.rereads.insert(DatasetName(Query.inputName)) }
                continue
            }
            let place = table.offset.map { query.place(of: $0) } ?? query.location
            guard isUnqualified, let name = names[table.name] else {
                let whole = table.qualifier + table.name
                if !isUnqualified || notes.lacks(whole, in: "datasets") {
                    reportMissing(whole, query, names, at: place)
                }
                continue
            }
            if isReread { query.rereads.insert(name) }
            if !query.reads.contains(where: { $0.value == name }) { query.reads.append(Located(name, at: place)) }
        }
    }

    private func reportMissing(_ table: String, _ query: Query, _ names: DatasetNames, at place: SourceLocation) {
        let message = "the query reads '\(table)', and there is no dataset of this name"
        // Without quotation marks, the part before a dot is the name of a schema.
        if names.all.contains(DatasetName(table)) {
            problems.report(message, remedy: "write it in quotation marks: \"\(table)\"", at: place)
        } else if table.contains(where: { "./*".contains($0) }) {
            problems.report(message, remedy: "a query reads datasets: add the file as one", at: place)
        } else {
            let known = names.all.map(\.rawValue) + (query.hasInput ? [Query.inputName] : [])
            problems.report(message + Suggestion.phrase(for: table, among: known), at: place)
        }
    }

    /// Refuses values that are computed of the new rows alone, and take the place of those of all rows.
    private func checkGatherings(of stage: Stage) {
        var copy = stage
        copy.visitQueries { query in
            guard let new = stage.definition.newRowsAlone else { return }
            let column = new.column.value
            if let partial = query.gatherings.first(where: { !new.isWhole($0) }) {
                problems.report(
                    "the query computes \(partial.word) of the rows that are new by '\(column)', and not of all rows: "
                        + "what it gives for a key is a part of the whole",
                    remedy:
                        partial.greatest != nil && !new.key.isEmpty
                        ? "choose the newest row by the columns of 'key' and by that of 'order_by', such as 'order_by: "
                            + "\(column)', or write 'partial: true' if that is meant"
                        : "remove 'watermark', group by it too, compute of all rows in a stage behind this one, or write "
                            + "'partial: true' if that is meant", at: query.location)
            } else if query.rereads.contains(new.name)
                || query.hasInput && query.reads.contains(where: { $0.value == stage.type.watermarkedInput })
            {
                problems.report(
                    "the query reads '\(new.name)' more than once, and each time only the rows that are new by '\(column)': "
                        + "what belongs to them of the rows before is not found",
                    remedy: "remove 'watermark', or write 'partial: true' if that is meant", at: query.location)
            }
        }
    }

    /// The SQL engine does not distinguish names that differ only in case.
    private func checkCase(of stage: Stage) {
        var seen: [String: DatasetName] = [:]
        for read in stage.queryReads {
            let key = read.value.rawValue.lowercased()
            if let other = seen[key], other != read.value {
                problems.report(
                    "'\(other)' and '\(read.value)' differ in case only, and queries do not tell them apart",
                    remedy: "give one of them another name", at: read.location)
            }
            seen[key] = read.value
        }
    }
}

/// The datasets of a pipeline as a query finds them: by exact name, or else by a name that differs only in case.
private struct DatasetNames {
    let all: Set<DatasetName>
    private let folded: [String: DatasetName]

    init(_ names: [DatasetName]) {
        all = Set(names)
        folded = Dictionary(names.map { ($0.rawValue.lowercased(), $0) }) { first, _ in first }
    }

    /// The dataset that a table's name refers to.
    subscript(table: String) -> DatasetName? {
        let name = DatasetName(table)
        return all.contains(name) ? name : folded[table.lowercased()]
    }
}
