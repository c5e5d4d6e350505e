package import CaudalModel

/// What has happened to a pipeline as far as it decides what is news: what is not well, and what was told.
///
/// It is a value that events are put into one after another; an observer keeps it in its notes, for each pipeline and
/// environment.
package struct NotificationMemory: Sendable, Hashable, Codable {
    /// Something that happened in a run.
    package enum Happening: Sendable, Hashable {
        case runStarted
        case stageStarted(StageID)
        /// `fingerprint`: see ``FailureFingerprint/id``.
        case stageFailed(StageID, fingerprint: String, isAllowed: Bool)
        /// `warned`: the checks that warned.
        case stageSucceeded(StageID, warned: [String])
        case stageCancelled(StageID)
        case stageRetrying(StageID)
        /// `stages`: those of the plan where it has all of them.
        /// `ends`: what was told of slots of the run's schedule, such as that one was late, and is over with this run.
        case runSucceeded(stages: Set<StageID>?, ends: Set<NotificationRule.Occasion>)
        case runFailed
        case runCancelled
    }

    /// A rule that is to tell of something.
    package struct Telling: Sendable, Hashable {
        package var rule: NotificationRule
        package var occasion: NotificationRule.Occasion
        package var stage: StageID?
        /// Since when it has not been well, and in how many runs it failed since.
        package var since: Int64?
        package var failedRuns: Int?
    }

    /// A stage that is not well.
    struct Problem: Sendable, Hashable, Codable {
        var since: Int64
        var runs: Int
        var lastRun: RunID
        /// Whether the run succeeds all the same.
        var isAllowed: Bool
    }

    /// What was told of a stage.
    enum Matter: Sendable, Hashable, Codable {
        /// That it failed; with ``FailureFingerprint/id``.
        case failure(String)
        /// That checks warned.
        case warning([String])
        case retrying

        var isFailure: Bool {
            if case .failure = self { true } else { false }
        }

        var isWarning: Bool {
            if case .warning = self { true } else { false }
        }
    }

    /// When something was told, of whom and to whom, and in which run.
    struct Told: Sendable, Hashable, Codable {
        var at: Int64
        var run: RunID
        var stage: StageID
        var matter: Matter
        var target: Target
    }

    /// Who is told: a channel, by the rule of a stage or of the pipeline.
    struct Target: Sendable, Hashable, Codable {
        var channel: String
        var stage: StageID?

        init(_ rule: NotificationRule) { (channel, stage) = (rule.channel.name, rule.stage) }
    }

    private(set) var problems: [StageID: Problem] = [:]
    /// Since when the pipeline has not been well, and in how many runs it failed.
    private(set) var illness: Problem?
    /// What was told, each thing once for each target.
    private(set) var told: [Told] = []

    package init() {}

    /// Takes in what happened, and finds the rules that are to tell of it.
    ///
    /// `time`: of the event, in milliseconds since 1970.
    package mutating func take(
        _ happening: Happening, in run: RunID, at time: Int64, by rules: [NotificationRule]
    ) -> [Telling] {
        switch happening {
        case .runStarted: return tell(.started, nil, rules)
        case .stageStarted(let stage): return tell(.started, stage, rules)
        case .stageFailed(let stage, let fingerprint, let isAllowed):
            note(stage, isAllowed, run, time)
            return tellFailure(of: stage, fingerprint, isAllowed, run, time, rules)
        case .stageSucceeded(let stage, let warned): return succeeded(stage, warned, run, time, rules)
        case .stageCancelled(let stage): return tell(.cancelled, stage, rules)
        case .stageRetrying(let stage):
            return wanting(.retrying, stage, rules, orPipeline: true).compactMap { rule in
                // Once in a run: how often it is tried is the stage's own affair.
                guard told(rule, stage, .retrying).map({ $0.run != run }) ?? true else { return nil }
                remember(rule, stage, .retrying, run, time)
                return Telling(rule: rule, occasion: .retrying, stage: stage)
            }
        case .runSucceeded(let stages, let ends): return runSucceeded(stages, ends, time, rules)
        // It was told when its stages failed.
        case .runFailed: return []
        case .runCancelled: return tell(.cancelled, nil, rules)
        }
    }

    // MARK: - Failures

    private mutating func note(_ stage: StageID, _ isAllowed: Bool, _ run: RunID, _ time: Int64) {
        func again(_ problem: Problem?) -> Problem {
            guard var problem else { return Problem(since: time, runs: 1, lastRun: run, isAllowed: isAllowed) }
            if problem.lastRun != run { problem.runs += 1 }
            problem.lastRun = run
            problem.isAllowed = isAllowed
            return problem
        }
        problems[stage] = again(problems[stage])
        if !isAllowed { illness = again(illness) }
    }

    private mutating func tellFailure(
        of stage: StageID, _ fingerprint: String, _ isAllowed: Bool, _ run: RunID, _ time: Int64,
        _ rules: [NotificationRule]
    ) -> [Telling] {
        wanting(.failed, stage, rules, orPipeline: !isAllowed).compactMap { rule in
            let matter = Matter.failure(fingerprint)
            let toldInRun = told.filter { $0.run == run && $0.target == Target(rule) }
            // Most often stages that fail alike in one run have one cause.
            let isKnownInRun = toldInRun.contains { $0.matter == matter && $0.stage != stage }
            let isFollowed = ChannelKinds.named(rule.channel.kind)?.wantsEachRun == true
            let earlier = told(rule, stage, matter)
            let isKnown =
                isFollowed
                ? toldInRun.contains { $0.matter.isFailure }
                : isKnownInRun || earlier.map { !isOver(rule.renotify, since: $0.at, time) } ?? false
            if !isKnown || isKnownInRun { remember(rule, stage, matter, run, time) }
            guard !isKnown else { return nil }
            let problem = problems[stage]
            return Telling(
                rule: rule, occasion: .failed, stage: stage, since: problem?.since, failedRuns: problem?.runs)
        }
    }

    private func isOver(_ renotify: Duration?, since earlier: Int64, _ time: Int64) -> Bool {
        // Where the clock was set back, what was told then is old.
        renotify.map { time - earlier >= $0.milliseconds || time < earlier } ?? false
    }

    // MARK: - Successes

    private mutating func succeeded(
        _ stage: StageID, _ warned: [String], _ run: RunID, _ time: Int64, _ rules: [NotificationRule]
    ) -> [Telling] {
        var tellings = tell(.succeeded, stage, rules)
        if let problem = problems.removeValue(forKey: stage) {
            tellings += wanting(.recovered, stage, rules, orPipeline: false).map { rule in
                Telling(
                    rule: rule, occasion: .recovered, stage: stage, since: problem.since, failedRuns: problem.runs)
            }
            // If it fails again, that is news.
            told.removeAll { $0.stage == stage && $0.matter.isFailure }
        }
        guard !warned.isEmpty else {
            told.removeAll { $0.stage == stage && $0.matter.isWarning }
            return tellings
        }
        let matter = Matter.warning(warned.sorted())
        tellings += wanting(.checkWarned, stage, rules, orPipeline: true).compactMap { rule in
            if let earlier = told(rule, stage, matter), !isOver(rule.renotify, since: earlier.at, time) { return nil }
            remember(rule, stage, matter, run, time)
            return Telling(rule: rule, occasion: .checkWarned, stage: stage)
        }
        return tellings
    }

    private mutating func runSucceeded(
        _ stages: Set<StageID>?, _ ends: Set<NotificationRule.Occasion>, _ time: Int64, _ rules: [NotificationRule]
    ) -> [Telling] {
        // Stages that the pipeline no longer has cannot recover.
        if let stages { problems = problems.filter { stages.contains($0.key) } }
        var tellings = tell(.succeeded, nil, rules)
        let isWell = problems.values.allSatisfy(\.isAllowed)
        if isWell, illness != nil || !ends.isEmpty {
            // Only who was to hear that the schedule was late is told that it no longer is.
            let wanting = wanting(.recovered, nil, rules, orPipeline: true).filter {
                illness != nil || !ends.isDisjoint(with: $0.occasions)
            }
            tellings += wanting.map { rule in
                Telling(
                    rule: rule, occasion: .recovered, since: illness?.since, failedRuns: illness?.runs)
            }
        }
        if isWell {
            illness = nil
            told.removeAll { $0.matter.isFailure && problems[$0.stage] == nil }
        }
        return tellings
    }

    // MARK: - Rules

    /// The rules for an occasion that needs no memory.
    private func tell(
        _ occasion: NotificationRule.Occasion, _ stage: StageID?, _ rules: [NotificationRule]
    ) -> [Telling] {
        wanting(occasion, stage, rules, orPipeline: false).map { Telling(rule: $0, occasion: occasion, stage: stage) }
    }

    /// The rules of a stage that tell of an occasion; of the pipeline too where that is wanted.
    private func wanting(
        _ occasion: NotificationRule.Occasion, _ stage: StageID?, _ rules: [NotificationRule], orPipeline: Bool
    ) -> [NotificationRule] {
        rules.filter { rule in
            rule.occasions.contains(occasion) && rule.channel.kind != TerminalChannel.typeName
                && (rule.stage == stage || orPipeline && rule.stage == nil)
        }
    }

    // MARK: - What was told

    private func told(_ rule: NotificationRule, _ stage: StageID, _ matter: Matter) -> Told? {
        told.first { $0.stage == stage && $0.matter == matter && $0.target == Target(rule) }
    }

    /// How many things are remembered as told; the oldest are forgotten.
    private static let toldLimit = 500

    private mutating func remember(
        _ rule: NotificationRule, _ stage: StageID, _ matter: Matter, _ run: RunID, _ time: Int64
    ) {
        let target = Target(rule)
        told.removeAll { $0.stage == stage && $0.matter == matter && $0.target == target }
        told.append(Told(at: time, run: run, stage: stage, matter: matter, target: target))
        if told.count > Self.toldLimit { told.removeFirst() }
    }
}

extension NotificationChannel {
    /// Identifies a channel in a few characters, the same for equal settings: what was told there was told.
    package var name: String {
        let text = settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
        return "\(kind)-\(ContentHash.of(text).suffix(8))"
    }
}
