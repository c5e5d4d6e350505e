import CaudalModel
import Engine

/// How a run differs from another one of its pipeline, the worst differences first.
struct RunComparison: Sendable {
    /// One thing that differs.
    struct Difference: Sendable {
        /// How bad a difference is; the first case is the worst.
        enum Gravity: Int, Comparable {
            case failed, checkFailed, stateWorse, nothing, parameter, file, checkWarned, limits, rows, slower, better,
                faster, measured

            static func < (a: Gravity, b: Gravity) -> Bool { a.rawValue < b.rawValue }
        }

        var gravity: Gravity
        /// How large it is among those of its kind.
        var size = 0.0
        /// What it is of: a stage, an item, or the run as a whole.
        var subject: String
        /// What differs of it, such as `rows`.
        var aspect: String
        /// The values here and there; nil where there is none.
        var here: String?
        var there: String?
        /// The change in words, such as `+40%`.
        var change = ""
        /// Lines that explain it.
        var lines: [String] = []

        /// Whether it needs a look.
        var style: Style {
            switch gravity {
            case .failed, .checkFailed: .bad
            case .stateWorse, .nothing, .checkWarned: .wait
            case .parameter, .file, .limits: .accent
            case .better: .good
            case .rows, .slower, .measured, .faster: .plain
            }
        }
    }

    /// What the boxes' heads say of a run.
    struct Head: Sendable {
        var id: RunID
        var started: Int64?
        var status: RunState.Status
        var took: Duration
    }

    let here: Head
    let there: Head
    private(set) var differences: [Difference] = []
    /// The number of stages without a difference.
    private(set) var equalStages = 0

    /// Durations that differ by less are called equal.
    private static let share = 0.25
    private static let least = 0.5

    init(_ run: RunState, _ other: RunState) {
        here = Self.head(run)
        there = Self.head(other)
        compareSettings(run, other)
        compareFile(run.plan, other.plan)
        for stage in run.stages {
            guard let before = other.stage(stage.id) else { continue }
            let count = differences.count
            compare(stage, run, before, other)
            let isChanged = differences.contains { $0.aspect == "file" && $0.subject == stage.id.rawValue }
            if differences.count == count, !isChanged { equalStages += 1 }
        }
        differences = differences.enumerated().sorted { a, b in
            let (x, y) = (a.element, b.element)
            if x.gravity != y.gravity { return x.gravity < y.gravity }
            return x.size != y.size ? x.size > y.size : a.offset < b.offset
        }.map(\.element)
    }

    private static func head(_ run: RunState) -> Head {
        let now = run.endedAt ?? run.lastEventAt ?? run.startedAt ?? Moment(wall: 0, steady: 0)
        return Head(id: run.id, started: run.startedAt?.wall, status: run.status, took: run.duration(now: now))
    }

    // MARK: - The run as a whole

    private mutating func compareSettings(_ run: RunState, _ other: RunState) {
        func add(_ name: String, _ a: String?, _ b: String?) {
            guard a != b else { return }
            differences.append(
                Difference(gravity: .parameter, subject: "the run", aspect: name, here: a, there: b))
        }
        add("environment", run.plan.environment, other.plan.environment)
        add("stages", run.plan.selection, other.plan.selection)
        let hidden = SecretNames()
        let (a, b) = (hidden.hidden(run.plan.parameters), hidden.hidden(other.plan.parameters))
        for name in Set(a.keys).union(b.keys).sorted() { add(name, a[name], b[name]) }
    }

    private mutating func compareFile(_ plan: RunPlan, _ other: RunPlan) {
        for difference in other.differences(to: plan) {
            let (added, removed) = (
                difference.lines.count { $0.hasPrefix("+") }, difference.lines.count { $0.hasPrefix("-") }
            )
            let (here, there): (String?, String?) =
                switch difference.kind {
                case .added: ("new stage", nil)
                case .removed: (nil, "a stage")
                case .changed: ("+\(added)", "−\(removed)")
                }
            differences.append(
                Difference(
                    gravity: .file, size: Double(added + removed),
                    subject: difference.stage?.rawValue ?? "the pipeline", aspect: "file", here: here, there: there,
                    lines: Array(difference.lines.prefix(6))))
        }
    }

    // MARK: - Stages

    private mutating func compare(_ stage: StageState, _ run: RunState, _ before: StageState, _ other: RunState) {
        let name = stage.id.rawValue
        let (now, then) = (StatusMark.word(stage.status, in: run), StatusMark.word(before.status, in: other))
        if now != then { addState(name, stage, before, here: now, there: then) }
        compareChecks(stage, before)
        compareRows(name, stage.rows, before.rows)
        let isReused = [stage.status, before.status].contains(.reused)
        guard !isReused, let took = stage.took(now: Self.clock(run))?.seconds,
            let usual = before.took(now: Self.clock(other))?.seconds,
            abs(took - usual) >= Self.least, abs(took - usual) > usual * Self.share
        else { return }
        differences.append(
            Difference(
                gravity: took > usual ? .slower : .faster, size: abs(took - usual), subject: name, aspect: "took",
                here: Duration.seconds(took).short, there: Duration.seconds(usual).short,
                change: Self.change(took, usual)))
    }

    /// The time up to which durations of a run are counted.
    private static func clock(_ run: RunState) -> Moment {
        run.endedAt ?? run.lastEventAt ?? Moment(wall: 0, steady: 0)
    }

    private mutating func addState(
        _ name: String, _ stage: StageState, _ before: StageState, here: String, there: String
    ) {
        let (a, b) = (DashboardState.urgency(stage.status), DashboardState.urgency(before.status))
        let isEqual = [stage.status, before.status].allSatisfy { [.succeeded, .reused].contains($0) }
        let gravity: Difference.Gravity =
            stage.status == .failed ? .failed : a < b && !isEqual ? .stateWorse : .better
        let reason = stage.unit.reason.map { [$0] } ?? []
        differences.append(
            Difference(
                gravity: isEqual ? .measured : gravity, size: Double(20 - a), subject: name, aspect: "state",
                here: here, there: there,
                lines: gravity == .failed ? reason : []))
    }

    private mutating func compareRows(_ name: String, _ rows: RowAccount?, _ before: RowAccount?) {
        guard let rows, let before else { return }
        func add(_ aspect: String, _ a: Int64, _ b: Int64) {
            guard a != b else { return }
            let size = abs(Double(a - b)) / Double(max(1, min(a, b)))
            differences.append(
                Difference(
                    gravity: a == 0 ? .nothing : .rows, size: size, subject: name, aspect: aspect, here: a.grouped,
                    there: b.grouped, change: Self.change(Double(a), Double(b))))
        }
        if rows.read != before.read, rows.read != rows.written || before.read != before.written {
            add("rows read", rows.read, before.read)
        }
        add("rows", rows.written, before.written)
        if rows.quarantined != before.quarantined {
            let size = abs(Double(rows.quarantined - before.quarantined))
            differences.append(
                Difference(
                    gravity: .rows, size: size / Double(max(1, before.quarantined)), subject: name,
                    aspect: "quarantined", here: rows.quarantined.grouped, there: before.quarantined.grouped,
                    change: Self.change(Double(rows.quarantined), Double(before.quarantined))))
        }
    }

    // MARK: - Checks

    private struct CheckKey: Hashable {
        var unit: UnitID
        var check: String
        var part: String?
    }

    private mutating func compareChecks(_ stage: StageState, _ before: StageState) {
        var earlier: [CheckKey: CheckResult] = [:]
        for (id, unit) in before.units {
            for check in unit.lastResult?.checks ?? [] {
                earlier[CheckKey(unit: id, check: check.id, part: check.partition)] = check
            }
        }
        for (id, unit) in stage.units {
            for check in unit.lastResult?.checks ?? [] {
                let old = earlier[CheckKey(unit: id, check: check.id, part: check.partition)]
                compare(check, old, id)
            }
        }
    }

    private mutating func compare(_ check: CheckResult, _ old: CheckResult?, _ id: UnitID) {
        let part = check.partition.map { " (\($0))" } ?? ""
        func text(_ check: CheckResult) -> String {
            let measured = check.measured.map { " " + CheckPoint.text(of: $0, kind: check.kind) } ?? ""
            return check.word + measured
        }
        let isBroken = [.failed, .error].contains(check.outcome)
        let change = check.measured.flatMap { new in (old?.measured).map { Self.change(new, $0) } } ?? ""
        let size = check.measured.flatMap { new in (old?.measured).map { abs(new - $0) / max(1e-9, abs($0)) } } ?? 0
        var found = Difference(
            gravity: .measured, size: size, subject: id.description, aspect: check.id + part, here: text(check),
            there: old.map(text), change: change)
        if check.outcome != old?.outcome, isBroken {
            found.gravity = .checkFailed
        } else if check.outcome != old?.outcome, check.outcome == .warned {
            found.gravity = .checkWarned
        } else if let old, check.outcome != old.outcome {
            found.gravity = .better
        } else if let old, check.expectation != old.expectation {
            found.gravity = .limits
        } else if old == nil || text(check) == old.map(text) {
            // What differs by less than is shown looks equal.
            return
        }
        if isBroken { found.lines = [check.message] }
        if let old, check.expectation != old.expectation {
            found.lines += ["expected \(check.expectation), there \(old.expectation)"]
        }
        differences.append(found)
    }

    /// A change in words, such as `+40%`.
    static func change(_ new: Double, _ old: Double) -> String {
        guard old != 0 else { return "" }
        let percent = (new / old - 1) * 100
        guard percent.isFinite else { return "" }
        if new == old { return "±0" }
        if percent > 999 { return "×\(Int(min(1e9, (new / old).rounded())))" }
        let whole = Int(max(-1e6, percent.rounded()))
        if whole == 0 { return percent < 0 ? "−<1%" : "+<1%" }
        return whole < 0 ? "−\(-whole)%" : "+\(whole)%"
    }
}
