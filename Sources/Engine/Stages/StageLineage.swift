/// What a stage makes its output of: datasets, and for each column the columns it is computed from.
package struct StageLineage: Sendable {
    package let stage: StageID
    package let type: String
    package let inputs: [DatasetName]
    package let outputs: [DatasetName]
    /// Of the output, in order; empty where its columns are not known.
    package let columns: [ColumnOrigin]

    /// The lineage of a stage.
    ///
    /// `typing`: what is known of its inputs.
    /// `output`: the columns of its output; of a command nothing more is known than that they come from its inputs.
    package init(_ stage: Stage, typing: StageTyping, output: [Column]) throws(ConfigError) {
        self.stage = stage.id
        type = stage.definition.typeName
        var seen: Set<DatasetName> = []
        inputs = stage.definition.inputs.map(\.value).filter { seen.insert($0).inserted }
        outputs = stage.definition.outputs
        columns = outputs.isEmpty ? [] : try Self.origins(of: stage, typing, output, inputs)
    }

    private static func origins(
        of stage: Stage, _ typing: StageTyping, _ output: [Column], _ inputs: [DatasetName]
    ) throws(ConfigError) -> [ColumnOrigin] {
        switch stage.definition {
        case let validate as ValidateStage:
            return output.map {
                ColumnOrigin(
                    column: $0.name, sources: [ColumnSource(validate.input.value, $0.name)], changes: ["validate"])
            }
        case let process as ProcessStage:
            guard let source = typing.sources[process.input.value] else { return [] }
            var tracker = ColumnTracker(source)
            var builder = RelationBuilder(source, numbersRows: false, references: typing.references)
            for (index, step) in process.steps.enumerated() {
                if case .sql = step.value, typing.queryColumns[index] == nil { return [] }
                try builder.add(step.value, duplicates: nil, queryColumns: typing.queryColumns[index])
                tracker.follow(
                    step.value, columns: builder.columns, queried: process.queriedDatasets.map(\.value))
            }
            return tracker.origins(of: builder.columns)
        case let enrich as EnrichStage:
            guard let source = typing.sources[enrich.input.value] else { return [] }
            var tracker = ColumnTracker(source)
            for lookup in enrich.lookups { tracker.follow(lookup) }
            return tracker.origins(of: output)
        default:
            let sources = inputs.map { ColumnSource($0, nil) }.sorted()
            return output.map {
                ColumnOrigin(column: $0.name, sources: sources, changes: [stage.definition.typeName])
            }
        }
    }
}

/// The lineage of all stages of a pipeline.
package struct PipelineLineage: Sendable {
    /// In file order, those with outputs.
    package let stages: [StageLineage]

    /// The lineage as far as the columns are known.
    package init(_ loaded: LoadedPipeline, _ findings: PipelineExamination.Findings) throws(ConfigError) {
        var stages: [StageLineage] = []
        for stage in loaded.pipeline.stages where !stage.definition.outputs.isEmpty {
            var typing = StageTyping(
                sources: findings.sources, schemas: loaded.schemas, references: loaded.pipeline.referenceTypes,
                itemVariables: stage.fanOut?.variables.map(\.name) ?? [], root: loaded.pipeline.root)
            typing.queryColumns = findings.queryColumns[stage.id] ?? [:]
            let output = stage.definition.outputs.first.flatMap { findings.sources[$0]?.columns } ?? []
            stages.append(try StageLineage(stage, typing: typing, output: output))
        }
        self.stages = stages
    }

    /// The columns that a column comes from in the end: of datasets that no stage makes out of others.
    package func roots(of source: ColumnSource) -> [ColumnSource] {
        var found: Set<ColumnSource> = []
        var seen: Set<ColumnSource> = []
        var open = [source]
        while let next = open.popLast() {
            guard seen.insert(next).inserted else { continue }
            let writer = stages.first { $0.outputs.contains(next.dataset) }
            guard let stage = writer, !stage.inputs.isEmpty else {
                found.insert(next)
                continue
            }
            if let column = stage.columns.first(where: { $0.column == next.column }) {
                open += column.sources
            } else {
                open += stage.inputs.map { ColumnSource($0, nil) }
            }
        }
        return found.sorted()
    }
}
