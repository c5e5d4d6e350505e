import CaudalModel
import Engine

/// The one short name that a stage has on a screen, wherever its whole name does not fit.
///
/// Panes have different widths. If each of them cut a name as long as it can, nobody would know that the texts stand for the
/// same stage: a picture of the graph decides, otherwise the narrowest pane.
struct ScreenNames {
    /// The picture, if one is drawn that tells names in enough room.
    private var drawing: GraphDrawing?
    /// The least room that a list and the log have for a name; nil where there is none.
    private var list: Int?
    private var log: Int?
    /// The room that the log has for the name of a fan-out before an item of it.
    private var logOfItems: Int?

    /// Below this width, a pane has names of its own: what fits there would say too little elsewhere.
    private static let least = 12

    init() {}

    init(_ layout: DashboardLayout, _ state: DashboardState) {
        drawing = layout.drawing.flatMap { $0.isTerse ? nil : $0 }
        for frame in layout.panes {
            switch layout.kind(of: frame.pane) {
            case is RailPane.Type: list = RailPane.table(frame, state).name
            case is StagePane.Type: list = StagePane.table(frame, state).name
            case is LogPane.Type:
                let width = LogGeometry(frame, state).sourceWidth
                // Brackets, and the number of an attempt.
                (log, logOfItems) = (width, max(width / 2, width - 4 - state.digest.longestKey))
            default: break
            }
        }
    }

    /// The name that the picture has for a stage, by its place in the plan.
    fileprivate func drawn(_ stage: Int) -> String? {
        guard let drawing, let item = drawing.scene.itemOf[stage], case .stage = drawing.scene.items[item] else {
            return nil
        }
        let label = drawing.labels[item]
        // A number says less than the letters that there is room for.
        return NameLabels.isNumbered(label) ? nil : label
    }

    /// The room for the short name of a stage that the picture does not have.
    ///
    /// - Parameter own: The room that there is in a place.
    /// - Parameter items: The number of its items, which follows the name in lists; nil where there are none.
    fileprivate func room(_ own: Int, items: Int?) -> Int {
        let extra = items.map { " ×\($0)".count } ?? 0
        return [list.map { $0 - extra }, items == nil ? log : logOfItems].compactMap(\.self)
            .filter { $0 >= Self.least }.reduce(own, min)
    }
}

extension DashboardState {
    /// The name of a stage for a place of the screen; where it does not fit, the same short name as elsewhere, if that does.
    func label(of stage: StageID, width: Int) -> String {
        guard let index = run.plan.index(of: stage) else { return PlainText.sanitized(stage.rawValue) }
        let name = PlainText.sanitized(stage.rawValue)
        if TextWidth.of(name) <= width { return name }
        if let drawn = shortNames.drawn(index), TextWidth.of(drawn) <= width { return drawn }
        let items = run.stages[index].hasItems ? run.stages[index].items.count : nil
        return graph.label(of: stage, width: shortNames.room(width, items: items)) ?? name
    }
}
