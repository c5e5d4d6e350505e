import CaudalModel

/// What comes in from outside, compared with what came in the last time.
extension AttemptContext {
    /// The columns of what an attempt reads from outside, and what is worth telling of them.
    ///
    /// That is told in the log, once for a stage and not for each of its items.
    ///
    /// - Throws: ``Failure`` where columns are not those of the last success and the dataset does not allow that.
    func shapes() throws -> (shapes: [InputShape], notes: [String]) {
        guard order.item == nil else { return ([], []) }
        var (shapes, notes): ([InputShape], [String]) = ([], [])
        defer { for note in notes { log.note(note, level: .warn) } }
        for (name, source) in attempt.sources.sorted(by: { $0.key < $1.key }) {
            notes += source.notes
            guard let dataset = loaded.pipeline.dataset(name), loaded.pipeline.producer(of: name) == nil,
                !source.columns.isEmpty
            else { continue }
            var message: String?
            var remedy =
                "correct the data; or, if the columns are to stay as they are now, run once with 'on_drift: warn'"
            do throws(StoreError) {
                let earlier = try store.lastShape(
                    of: name, stage: stage.id, pipeline: loaded.pipeline.name,
                    environment: loaded.pipeline.chosenEnvironment)
                let shape = InputShape(dataset: name, columns: Self.compared(source), after: earlier?.shape)
                shapes.append(shape)
                if let earlier, let drift = shape.drift(from: earlier.shape) {
                    message = "the columns of '\(name)' are not those of run \(earlier.run): \(drift)"
                }
            } catch {
                shapes.append(InputShape(dataset: name, columns: Self.compared(source), after: nil))
                // Nothing was found, and nothing was looked at: that must not look the same.
                message = "whether the columns of '\(name)' have changed cannot be told: \(error)"
                remedy = "repair the run store; or run once with 'on_drift: warn', which records the columns anew"
            }
            guard dataset.driftRule != .ignore, let message else { continue }
            guard dataset.driftRule == .fail else {
                notes.append(message)
                continue
            }
            throw Failure(message, remedy: remedy, location: dataset.placeLocation)
        }
        return (shapes, notes)
    }

    /// The columns of a source with types that can be compared from day to day.
    private static func compared(_ source: DataSource) -> [Column] {
        source.columns.map { column in
            if source.emptyColumns.contains(column.name) { return Column(column.name, .unknown) }
            guard source.isForeignJSON else { return column }
            // Whether a number of JSON is whole is a matter of the day's values and none of their shape.
            switch column.type {
            case .integer: return Column(column.name, .number)
            case .other(let name): return Column(column.name, .other(name.replacing("BIGINT", with: "DOUBLE")))
            default: return column
            }
        }
    }
}
