import CaudalModel
import Engine

/// The effects of a command as one JSON object, for `--dry-run` with `--json`.
///
/// It has the same content as ``PreviewText``, by stage.
struct PreviewJSON: Encodable {
    /// What would happen to a stage.
    enum Fate: String, Encodable {
        case runs, reused, stays, skipped, stopped
        case goesOn = "goes on"
        case leftAlone = "left alone"
        case counts = "counts as ended"
    }

    /// One stage of the run.
    struct Stage: Encodable {
        var stage: String
        var type: String
        var action: Fate
        /// The reason, if there is one.
        var reason: String?
        /// Its present state; nil before the run has begun.
        var state: String?
        /// The stages that it waits for.
        var needs: [String]
        /// The datasets that it reads and writes, and the paths or tables of those that it writes; `*` stands for a
        /// value that depends on the item.
        var reads: [String]
        var writes: [String]
        var paths: [String]
        /// The command line of a command stage, as in the file, with the values of parameters that are no secrets.
        var command: [String]?
        /// The items that would run, those whose success stays, and those that would not be touched.
        var items: [String]?
        var itemsThatStay: [String]?
        var itemsLeftAlone: [String]?
        /// Whether it would determine its items again.
        var findsItems: Bool?
        /// Whether it has run before and has `idempotent: false`.
        var isHarmful: Bool?
        var expectedMs: Int64?
    }

    /// A difference between the pipeline file and the run.
    struct Change: Encodable {
        var stage: String?
        var kind: String
        var lines: [String]
    }

    /// A file that the run reads, written by a stage that takes no part in it.
    struct Read: Encodable {
        var path: String
        /// The run that wrote it, if any.
        var run: String?
        var note: String
    }

    var pipeline: String
    /// The run that would be reopened; nil for a new run.
    var run: String?
    var state: String?
    var maxParallel: Int
    var stages: [Stage]
    /// The existing files and tables that would be overwritten.
    var overwrites: [String]
    var expectedMs: Int64?
    var reads: [Read]?
    var changes: [Change]?
    /// Stages that changed in the file but would not rerun, because they had succeeded.
    var outdated: [String]?
    /// Whether the run was paused; reopening it ends the pause.
    var isPaused: Bool?
    /// The stage or item that would be marked, and its outcome.
    var marked: Mark?

    struct Mark: Encodable {
        var unit: String
        var outcome: String
    }

    /// `loaded`: the pipeline as it would run, if it could be read.
    init(_ preview: CommandPreview, of plan: RunPlan, _ loaded: LoadedPipeline?) {
        pipeline = plan.pipeline
        maxParallel = plan.maxParallel
        overwrites = preview.overwrites
        expectedMs = preview.estimate?.milliseconds
        marked = preview.marked.map { Mark(unit: $0.unit.description, outcome: $0.outcome.rawValue) }
        stages = plan.stages.compactMap { Self.stage($0, preview, plan, loaded) }
    }

    /// The same for an existing run.
    init(_ preview: CommandPreview, on state: RunState, of plan: RunPlan, _ loaded: LoadedPipeline?) {
        self.init(preview, of: plan, loaded)
        run = state.id.rawValue
        self.state = state.status.rawValue
        if state.isPaused { isPaused = true }
    }

    private static func stage(
        _ planned: PlannedStage, _ preview: CommandPreview, _ plan: RunPlan, _ loaded: LoadedPipeline?
    ) -> Stage? {
        guard let (action, reason) = fate(of: planned.id, preview) else { return nil }
        let id = planned.id
        var stage = Stage(
            stage: id.rawValue, type: planned.type, action: action, reason: reason,
            state: preview.standing[id]?.rawValue, needs: planned.upstream.map(\.rawValue), reads: planned.reads,
            writes: planned.outputs, paths: planned.outputPaths)
        stage.command = loaded.flatMap { command(of: id, plan, $0) }
        stage.items = preview.items[id]?.map(\.rawValue)
        stage.itemsThatStay = preview.keptItems[id]?.map(\.rawValue)
        stage.itemsLeftAlone = preview.leftItems[id]?.map(\.rawValue)
        if preview.findsItems.contains(id) { stage.findsItems = true }
        if preview.harmful.contains(id) { stage.isHarmful = true }
        stage.expectedMs = planned.expected?.milliseconds
        return stage
    }

    /// What would happen to a stage, and why; nil if it is not listed.
    private static func fate(of id: StageID, _ preview: CommandPreview) -> (Fate, String?)? {
        let decision = preview.reuse.first { $0.stage == id }?.decision
        if let marked = preview.marked, marked.unit == UnitID(id) { return (.counts, marked.outcome.rawValue) }
        if case .reuse(let run)? = decision { return (.reused, "nothing has changed since run \(run)") }
        if preview.runs.contains(id) {
            switch decision {
            case .run(let reason)?: return (.runs, "not reused: \(reason)")
            case .open(let reason)?: return (.runs, "perhaps reused: \(reason)")
            case .reuse?, nil: return (.runs, nil)
            }
        }
        if let skip = preview.skips.first(where: { $0.stage == id }) { return (.skipped, skip.reason) }
        if preview.stops.contains(id) { return (.stopped, nil) }
        if preview.goesOn.contains(id) { return (.goesOn, nil) }
        if preview.stays.contains(id) { return (.stays, "succeeded") }
        if preview.left.contains(id) { return (.leftAlone, nil) }
        return nil
    }

    private static func command(of id: StageID, _ plan: RunPlan, _ loaded: LoadedPipeline) -> [String]? {
        guard let program = loaded.pipeline.stage(id)?.definition.program else { return nil }
        func filled(_ template: Template) -> String {
            template.filled { reference in
                guard case .param(let name) = reference, !loaded.pipeline.secretNames.isSecret(name),
                    let value = plan.parameters[name]
                else { return "${\(reference)}" }
                return value
            }
        }
        return program.call.words.map(filled)
    }

    /// Prints the object, with secrets masked.
    func print(masker: SecretMasker?) {
        let text = JSONText.encoded(self) + "\n"
        Output.json(masker?.masked(text) ?? text)
    }
}

extension PreviewJSON.Change {
    init(_ difference: PlanDifference) {
        self.init(stage: difference.stage?.rawValue, kind: difference.kind.rawValue, lines: difference.lines)
    }
}

extension PreviewJSON.Read {
    /// `now`: the time in milliseconds since 1970.
    init(_ file: EarlierFile, root: String, now: Int64) {
        self.init(
            path: PathText.relative(file.target, to: root), run: file.publication?.runWords,
            note: file.words(root: root, now: now))
    }
}
