package import CaudalModel

/// The lineage of all stages of a pipeline.
package struct PipelineLineage: Sendable {
    /// The stages with outputs, in file order.
    package let stages: [StageLineage]
    /// For each dataset that no stage writes by name, the datasets whose files its pattern matches.
    package let parts: [DatasetName: [DatasetName]]
    /// Those among them that also have files from outside of the pipeline.
    private let haveOutsideFiles: Set<DatasetName>

    /// The lineage, as far as columns are known.
    ///
    /// - Throws: ``ConfigError`` when a column that a stage names is missing or has an unsuitable type.
    package init(_ loaded: LoadedPipeline, _ findings: PipelineExamination.Findings) throws(ConfigError) {
        var stages: [StageLineage] = []
        for stage in loaded.pipeline.stages where !stage.definition.outputs.isEmpty {
            var typing = StageTyping(
                sources: findings.sources, schemas: loaded.schemas, references: loaded.pipeline.referenceTypes,
                itemVariables: stage.fanOut?.variables.map(\.name) ?? [], root: loaded.pipeline.root, sql: findings.sql)
            typing.queryColumns = findings.queryColumns[stage.id] ?? [:]
            let output = stage.definition.outputs.first.flatMap { findings.sources[$0]?.columns } ?? []
            stages.append(try StageLineage(stage, typing: typing, output: output))
        }
        self.stages = stages
        (parts, haveOutsideFiles) = Self.parts(of: loaded.pipeline, findings)
    }

    private static func parts(
        of pipeline: Pipeline, _ findings: PipelineExamination.Findings
    ) -> ([DatasetName: [DatasetName]], Set<DatasetName>) {
        var parts: [DatasetName: [DatasetName]] = [:]
        var outside: Set<DatasetName> = []
        let written = pipeline.stages.flatMap { stage in
            stage.definition.outputs.compactMap { pipeline.dataset($0) }.compactMap { dataset in
                dataset.path.map { (name: dataset.name, path: PlaceRules.opened($0)) }
            }
        }
        for stage in pipeline.stages where pipeline.fileEdges[stage.id] != nil {
            for name in stage.reads.map(\.value) where pipeline.producer(of: name) == nil && parts[name] == nil {
                guard let path = pipeline.dataset(name)?.path else { continue }
                let found = written.filter { PlaceRules.mayMeet(PlaceRules.opened(path), $0.path) }
                if found.isEmpty { continue }
                parts[name] = found.map(\.name)
                let files = findings.sources[name]?.files.map { PathText.relative($0, to: pipeline.root) } ?? []
                if files.contains(where: { file in !found.contains { PlaceRules.mayMeet(file, $0.path) } }) {
                    outside.insert(name)
                }
            }
        }
        return (parts, outside)
    }

    /// The columns from which a column derives in the end: columns of datasets that no stage makes from others.
    package func roots(of source: ColumnSource) -> [ColumnSource] {
        var found: Set<ColumnSource> = []
        var seen: Set<ColumnSource> = []
        var open = [source]
        while let next = open.popLast() {
            guard seen.insert(next).inserted else { continue }
            if let parts = parts[next.dataset] {
                if haveOutsideFiles.contains(next.dataset) { found.insert(next) }
                open += parts.filter { has($0, next.column) }.map { ColumnSource($0, next.column) }
                continue
            }
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

    /// Whether a written dataset has a column, or may have it; files of one pattern may have different columns.
    private func has(_ dataset: DatasetName, _ column: String?) -> Bool {
        guard let column, let stage = stages.first(where: { $0.outputs.contains(dataset) }), !stage.columns.isEmpty
        else { return true }
        return stage.columns.contains { $0.column == column }
    }
}
