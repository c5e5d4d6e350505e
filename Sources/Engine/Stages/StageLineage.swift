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
