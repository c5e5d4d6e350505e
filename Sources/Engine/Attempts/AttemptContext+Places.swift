import CaudalModel
import Foundation

/// What publishing would harm, looked at when the places of an attempt are known to the last value.
extension AttemptContext {
    /// Refuses outputs that would be put over what the attempt reads, or over a folder that no run made.
    ///
    /// What the pipeline file tells of places was refused when it was read; items, and folders that stand in the way, are
    /// known only now.
    func refuseHarm(by outputs: [StagedOutput]) throws(Failure) {
        let read = Set(attempt.sources.values.filter { $0.table == nil }.flatMap(\.files).map { FileIdentity($0) })
        for output in outputs {
            let place = FileIdentity(output.target)
            let shown = PathText.relative(output.target, to: loaded.pipeline.root)
            if let harmed = read.first(where: { $0 == place || place.holds($0) }) {
                throw Failure(
                    "\(shown) would be written over \(PathText.relative(harmed.path, to: loaded.pipeline.root)), which "
                        + "this stage reads", remedy: "write to another path", location: attempt.stage.outputLocation)
            }
            try refuseOthers(at: place, of: output, shown: shown)
            try OutputFolder.refuseOfOthers(
                at: output.target, shown: shown, attempt.stage, store)
        }
    }

    /// Nothing that another stage reads or writes, and nothing of the project itself, is written over: what an item's
    /// value makes of a path is known only now.
    private func refuseOthers(
        at place: FileIdentity, of output: StagedOutput, shown: String
    ) throws(Failure) {
        func refuse(_ what: String) -> Failure {
            Failure(
                "\(shown) is \(what), and writing it would replace that", remedy: "write to a path of its own",
                location: attempt.stage.outputLocation)
        }
        let root = loaded.pipeline.root
        let file = FileIdentity(loaded.pipeline.file, in: FileManager.default.currentDirectoryPath)
        if place == file || place.holds(file) { throw refuse("the pipeline file") }
        let state = FileIdentity(store.folder.path)
        if place == state || state.holds(place) { throw refuse("in the folder of runs") }
        // Without an item's value all of this was known, and looked at, when the run was planned.
        let datasets = attempt.item == nil ? [] : loaded.pipeline.datasets
        for dataset in datasets where dataset.name != output.dataset {
            if let schema = dataset.schema, place == FileIdentity(schema.value, in: root) {
                throw refuse("the schema of '\(dataset.name)'")
            }
            guard let path = dataset.path else { continue }
            let writer = loaded.pipeline.producer(of: dataset.name)
            let isRead = loaded.pipeline.stages.contains { $0.reads.contains { $0.value == dataset.name } }
            let open = path.partlyFilled { if case .item = $0 { "*" } else { nil } }
            // Of what stages write item by item, only what they have written is known.
            guard writer != nil || isRead, writer?.id != attempt.stage.id, writer == nil || open == path else {
                continue
            }
            let text = PathText.absolute(open.filled { attempt.facts.value(of: $0) ?? "" }, in: root)
            let isPattern = writer == nil && PlaceRules.isPattern(text)
            guard isPattern ? Glob.matches(place.path, FileIdentity(text).path) : place.isOrHolds(FileIdentity(text))
            else { continue }
            let readers = loaded.pipeline.stages.filter { $0.reads.contains { $0.value == dataset.name } }
            if isPattern, wait(readers, for: attempt.stage) { continue }
            throw refuse("'\(dataset.name)'" + (writer.map { ", which '\($0.id)' writes" } ?? ", which is read"))
        }
        for stage in attempt.item == nil ? [] : loaded.pipeline.stages where !wait([stage], for: attempt.stage) {
            for case (let name, .files(let pattern)) in stage.fanOut?.variables ?? [] {
                let text = PathText.absolute(pattern.filled { attempt.facts.value(of: $0) ?? "" }, in: root)
                guard Glob.matches(place.path, FileIdentity(text).path) else { continue }
                throw refuse("one of the files of '\(name)', which '\(stage.id)' reads")
            }
        }
        for connection in attempt.item == nil ? [] : Array(loaded.pipeline.connections.values) {
            guard let path = connection.settings["path"] else { continue }
            let text = path.filled { attempt.facts.value(of: $0) ?? "" }
            if place.isOrHolds(FileIdentity(text, in: root)) { throw refuse("the database of '\(connection.name)'") }
        }
        // Two stages can only meet where both write item by item: the loop above, or the plan, saw the others.
        if attempt.item == nil { return }
        let others: [StageID]
        do throws(StoreError) {
            others = try store.stages(thatPublished: shown, in: facts.runID).filter { $0 != attempt.stage.id }
        } catch {
            throw Failure("what this run has published cannot be found out: \(error.description)")
        }
        if let other = others.first { throw refuse("what '\(other)' has published in this run") }
    }

    /// Whether stages read what another one writes once it has ended: those that read files by a pattern wait for whoever
    /// may write one of them, unless it waits for them.
    private func wait(_ readers: [Stage], for writer: Stage) -> Bool {
        readers.allSatisfy { loaded.pipeline.fileEdges[$0.id]?.contains(writer.id) == true }
    }
}
