import CaudalModel

/// What a fan-out without items leaves behind: no rows, with the columns that its items would have written.
extension AttemptContext {
    /// The sources, with columns also where no item wrote any.
    ///
    /// - Throws: ``NothingToRead`` where they cannot be known, as of the output of a command.
    func withColumns(_ sources: [DatasetName: DataSource]) async throws -> [DatasetName: DataSource] {
        var sources = sources
        for (name, source) in sources where source.files.isEmpty && source.columns.isEmpty && source.table == nil {
            // A command gets the names of files, and here there are none.
            let isAsked = !stage.definition.runsProgram || stage.fanOutReads.contains { $0.value == name }
            guard isAsked, let producer = loaded.pipeline.producer(of: name), producer.fanOut != nil else { continue }
            let columns = await announcedColumns(of: name)
            guard !columns.isEmpty else {
                throw NothingToRead(
                    reason: "'\(producer.id)' had no items, and the columns of '\(name)' cannot be known without one")
            }
            sources[name]?.columns = columns
        }
        return sources
    }

    /// The columns that the stage which writes a dataset gives it by its definition; empty where that does not tell.
    func announcedColumns(of name: DatasetName) async -> [Column] {
        guard let producer = loaded.pipeline.producer(of: name) else { return [] }
        let examination = PipelineExamination(loaded, facts: facts, tools: tools)
        return await examination.findings(of: whole(upstreamOf: producer.id)).sources[name]?.columns ?? []
    }

    /// A stage and everything upstream of it.
    private func whole(upstreamOf stage: StageID) -> Set<StageID> {
        var found: Set<StageID> = []
        var open = [stage]
        while let next = open.popLast() {
            if found.insert(next).inserted { open += loaded.pipeline.upstream[next] ?? [] }
        }
        return found
    }
}
