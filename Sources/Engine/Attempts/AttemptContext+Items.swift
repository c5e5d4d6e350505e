import CaudalModel

/// The items of a fan-out.
extension AttemptContext {
    /// Finds the items, and makes what they share.
    ///
    /// - Throws: ``Failure`` for items that cannot be made, or whose outputs would be one file.
    func findItems() async throws -> AttemptResult {
        let (listed, notes) = try listedFiles()
        let finder = FanOutFinder(attempt, listed: listed)
        var result = AttemptResult(ending: .succeeded)
        for note in notes { log.note(note, level: .warn) }
        result.notes = notes
        var readings: DataReadings?
        if let script = try finder.script() {
            try makeFolder(attempt.stagingFolder)
            try makeFolder(attempt.sharedFolder)
            defer { clearStaging() }
            let execution = try await execute(
                script, essential: script.statements.count, reading: attempt.sources.values.flatMap(\.files),
                writing: [attempt.sharedFolder].compactMap { $0 }, threads: attempt.threads,
                memory: stage.resources.memory)
            result.take(execution)
            if execution.failure != nil { return result }
            readings = execution.readings
            // Before the attempt's own copies are removed.
            try await noteDividedInput()
        }
        let items = try finder.items(readings).withoutSecrets(log)
        var context = self
        await context.divideInput(among: items, &result)
        result.items = items
        result.rowsToDivide = readings?.count(.divided)
        return result
    }
}

extension [Item] {
    /// The items under keys without secrets: keys are shown everywhere, and stay different from one another.
    func withoutSecrets(_ log: AttemptLog) -> [Item] {
        var taken: [ItemKey: Int] = [:]
        return map { item in
            let masked = ItemKey(log.masked(item.key.rawValue))
            if masked == item.key { return item }
            let count = taken[masked, default: 0] + 1
            taken[masked] = count
            return Item(key: count == 1 ? masked : ItemKey("\(masked) \(count)"), values: item.values)
        }
    }
}
