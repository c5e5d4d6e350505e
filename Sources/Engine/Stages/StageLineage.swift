package import CaudalModel

/// The origins of a stage's output: its datasets, and for each column the columns it is computed from.
package struct StageLineage: Sendable {
    package let stage: StageID
    package let type: String
    package let inputs: [DatasetName]
    package let outputs: [DatasetName]
    /// The origins of the output's columns, in order; empty when its columns are unknown.
    package let columns: [ColumnOrigin]

    /// The lineage of a stage.
    ///
    /// - Parameters:
    ///   - typing: What is known about its inputs.
    ///   - output: The columns of its output; for a command it is only known that they come from its inputs.
    /// - Throws: ``ConfigError`` when a column that the stage names is missing or has an unsuitable type.
    package init(_ stage: Stage, typing: StageTyping, output: [Column]) throws(ConfigError) {
        self.stage = stage.id
        type = stage.definition.typeName
        var seen: Set<DatasetName> = []
        inputs = stage.definition.inputs.map(\.value).filter { seen.insert($0).inserted }
        outputs = stage.definition.outputs
        columns = outputs.isEmpty ? [] : try stage.type.columnOrigins(typing, output: output)
    }
}
