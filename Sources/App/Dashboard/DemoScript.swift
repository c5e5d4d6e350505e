import CaudalModel
import Engine

/// A walkthrough of the dashboard: what it says, and the keys that it presses, each when its time has come.
///
/// It presses keys as a user does, so that whatever it shows can be done. A key of the user ends it.
struct DemoScript {
    struct Step {
        /// What is said from then on, in the line above the keys.
        var caption: String
        /// The keys that are pressed at its beginning, one after the other.
        var keys: [Key] = []
        /// How long the step before is shown at least, in milliseconds.
        var after: Int64 = 4000
        /// What it waits for.
        var when: @Sendable (DashboardState) -> Bool = { _ in true }
    }

    private var steps: ArraySlice<Step>
    /// Keys of the present step that are still to be pressed.
    private var keys: ArraySlice<Key> = []
    /// When the present step began, and its last key was pressed, by the steady clock.
    private var began: Int64?
    private var pressed: Int64 = 0
    private(set) var caption: String?

    /// The time between two keys, in milliseconds: one can see what each does.
    private static let pace: Int64 = 700

    init(_ steps: [Step]) { self.steps = steps[...] }

    /// All keys that it has yet to press.
    var allKeys: [Key] { keys + steps.flatMap(\.keys) }

    /// The key that is pressed now, if it is time for one.
    ///
    /// - Parameter now: By a clock that never goes back, in milliseconds.
    mutating func next(_ state: DashboardState, now: Int64) -> Key? {
        if let key = keys.first {
            guard now - pressed >= Self.pace else { return nil }
            keys.removeFirst()
            pressed = now
            return key
        }
        guard let step = steps.first, now - (began ?? .min / 2) >= step.after, step.when(state) else { return nil }
        steps.removeFirst()
        (caption, keys, began, pressed) = (step.caption, step.keys[...], now, now)
        return nil
    }

    /// The walkthrough of a run in which an item fails once.
    static let tour = DemoScript([
        Step(
            caption: "A live run: a stage starts once what it needs is there. A key ends the tour.",
            after: 0),
        Step(
            caption: "rates failed, and Caudal tries it again by itself, as its 'retry' says.",
            when: { $0.run.stage("rates").map { $0.unit.status == .retrying || $0.unit.attempts.count > 1 } ?? false }),
        Step(
            caption: "clean is one stage with six items, one for each region. One has failed.",
            when: { $0.run.stages.contains { $0.itemCounts[.failed, default: 0] > 0 } }),
        Step(caption: "e goes to the next failure, enter says why it failed.", keys: ["e", .enter], after: 5000),
        Step(caption: "L shows its log: what it printed, and nothing else.", keys: ["L"], after: 6000),
        Step(
            caption: "Everything else has gone on meanwhile. r asks what a retry would do …",
            keys: [.escape, .escape, "r"], after: 6000),
        Step(
            caption: "… and runs this item alone, then what waited for it.", keys: [.tab, .enter], after: 6000,
            when: { if case .confirm = $0.overlay { true } else { false } }),
        Step(
            caption: "Done: all has succeeded, and what happened is recorded. v changes the view.", keys: ["v"],
            when: { $0.run.status == .succeeded }),
        Step(
            caption:
                "? lists the keys, : finds actions. q leaves; --folder DIR keeps the run.",
            after: 6000),
    ])
}
