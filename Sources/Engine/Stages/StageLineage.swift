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
        columns = outputs.isEmpty ? [] : try stage.type.columnOrigins(typing, output: output)
    }
}
