import CaudalModel

/// What the preparation of an attempt found that its result has to say.
struct AttemptPreparation: Sendable {
    /// What it reads of stages that take no part in the run, in words.
    var earlierFiles: [String]
    /// The columns of what comes from outside.
    var shapes: [InputShape]
    /// What is worth telling of those.
    var notes: [String]
}

extension AttemptContext {
    /// Makes everything ready that the stage's type must know before it can say what its work is.
    ///
    /// - Throws: ``Failure`` where data cannot be used as it lies there, or has changed in a way that the file forbids.
    mutating func prepare() async throws -> AttemptPreparation {
        let earlier = logEarlierFiles()
        try await findExisting()
        try await copyTables()
        try await makePlainCopies()
        try gatherInputs()
        try await tools.lookForTimes(stage.type, attempt.typing, in: &attempt.sources)
        if let output = stage.loadOutput, let dataset = attempt.pipeline.dataset(output) {
            attempt.loadTarget = try await runner.tables.target(
                of: dataset, record: LoadRecord.Key(run: facts.runID, stage: stage.id))
        }
        attempt.corrections = try await usableCorrections()
        try await makeReadable()
        var (shapes, notes) = try shapes()
        if let note = try noteOfOtherDefinition() {
            log.note(note, level: .warn)
            notes.append(note)
        }
        return AttemptPreparation(earlierFiles: earlier, shapes: shapes, notes: notes)
    }

    /// Finds what the output of a stage has that adds to it, and from where on rows are new to that.
    private mutating func findExisting() async throws {
        guard let output = stage.definition.mergedOutput, let dataset = attempt.pipeline.dataset(output) else { return }
        let place = attempt.target(output)
        guard FileText.exists(place) else { return }
        // What was so before is known nowhere else.
        if runner.refreshesAll, stage.type.merge?.history == nil {
            log.note("\(PathText.relative(place, to: loaded.pipeline.root)) is made anew, of all rows")
            return
        }
        // Nothing else writes there meanwhile: the run has claimed the path.
        let publication = try versionFinder.publication(at: place)
        // The output of an item that was none when all were made anew is older than that.
        if stage.fanOut != nil, let publication,
            try EarlierOutputs(loaded, facts: facts, store: store).lastRefresh(of: stage, isPart: true)?
                .replaces(publication) == true
        {
            log.note(
                "\(PathText.relative(place, to: loaded.pipeline.root)) is from before all were made anew, and is replaced"
            )
            return
        }
        // Whether its times are points in time only the run knows that wrote it.
        let known = publication?.artifact.columns ?? []
        let existing =
            known.isEmpty
            ? try await runner.resolver.source(published: [place], of: dataset)
            : try runner.resolver.own(dataset, [place], known)
        attempt.existing = existing
        attempt.earlier.add(EarlierFile(path: place, target: place, publication: publication))
        guard let watermark = stage.type.merge?.watermark else { return }
        attempt.start = try await watermark.start(in: existing, tools, root: loaded.pipeline.root)
        guard let start = attempt.start, let input = stage.type.watermarkedInput else { return }
        if let corrected = try correctedStage() {
            // A corrected row is as old as it is, and new all the same.
            guard stage.type.merge?.key.isEmpty == true else {
                attempt.start = nil
                log.note("reads all rows of '\(input)', because rows of '\(corrected)' were corrected")
                return
            }
            guard !watermark.isPartial else {
                throw Failure(
                    "rows of '\(corrected)' were corrected, and '\(stage.id)' computes of the new rows alone, so that what "
                        + "they change in what is there is not known",
                    remedy: "correct them where they come from, and run with --full-refresh",
                    location: stage.definition.watermark?.location)
            }
            attempt.start?.late = .add
            log.note(
                "rows of '\(corrected)' were corrected: those of '\(input)' that are not there yet are added, however old"
            )
            return
        }
        log.note(
            start.late == .ignore
                ? "reads the rows of '\(input)' with a '\(start.column.name)' from \(start.start) on"
                : "reads the rows of '\(input)', and adds those with a '\(start.column.name)' from \(start.start) on")
    }

    /// Says where rows that are there were made by another definition than those that come: nothing else tells them apart.
    private func noteOfOtherDefinition() throws -> String? {
        guard let output = stage.definition.mergedOutput, attempt.existing != nil,
            let publication = try versionFinder.publication(at: attempt.target(output)), publication.run != facts.runID,
            // Of runs that were pruned, the definition is not known any more.
            let plan = try? store.plan(of: publication.run),
            let before = plan.stages.first(where: { $0.id == stage.id })?.definitionText,
            DefinitionLine.work(in: before) != DefinitionLine.work(in: loaded.recordedDefinition(of: stage))
        else { return nil }
        return
            "the stage has changed since run \(publication.run): the rows of \(publication.artifact.path) stay as they are, and "
            + "new ones are made by what it is now; --full-refresh makes all of them anew"
    }

    /// A stage before this one whose quarantined rows were corrected in this run.
    private func correctedStage() throws -> StageID? {
        var seen: Set<StageID> = []
        var open = Array(loaded.pipeline.upstream[stage.id] ?? [])
        while let next = open.popLast() {
            guard seen.insert(next).inserted else { continue }
            open += loaded.pipeline.upstream[next] ?? []
            guard loaded.pipeline.stage(next)?.definition.validatedInput != nil else { continue }
            let read = try store.correctionsRead(by: next, in: facts.runID)
            if try !folder.correctionFiles(next, read: read).isEmpty { return next }
        }
        return nil
    }
}

extension StageAttempt {
    /// Asks the engine for the columns of the user's queries that the stage's type must know to make its work.
    ///
    /// - Throws: ``Failure`` where a query is refused, ``ConfigError`` where it does not fit what it reads.
    package mutating func findQueryColumns(_ tools: DataTools) async throws {
        while let question = try stage.type.question(typing) {
            queryColumns[question.index] = try await tools.columns(askedFor: question)
        }
    }
}
