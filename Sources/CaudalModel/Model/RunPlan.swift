/// What a run will do: the pipeline's graph and rules with all values filled in.
///
/// The plan is recorded when the run starts, so that the run can be shown, resumed and compared after its file has
/// changed. A retry with a changed file records a new plan: see ``PlanChange``.
package struct RunPlan: Sendable, Codable, Hashable {
    package var pipeline: String
    /// What the pipeline is for.
    package var description: String
    /// The pipeline file as the user named it, and the folder its paths start from.
    package var file: String
    package var root: String
    /// The pipeline file from the root on; nil where it was not recorded.
    package var filePlace: String?
    /// The chosen environment, or nil.
    package var environment: String?
    /// All parameters with their values.
    package var parameters: [String: String]
    /// The maximum number of attempts at once.
    package var maxParallel: Int
    package var pools: [PoolName: Int]
    /// The stages, in file order.
    package var stages: [PlannedStage]
    /// The selected stages in words, or nil for all.
    package var selection: String?
    /// Whether unchanged stages are reused.
    package var reusesUnchanged: Bool
    /// Whether stages that add to their outputs make them anew; nil where they add.
    package var refreshesAll: Bool?
    /// The resolved definition of the settings of the whole pipeline.
    package var definitionText: String
    /// The program and machine that began the run; nil where they were not recorded.
    package var origin: RunOrigin?
    /// The number of succeeded runs that keep their versions; nil is the default of one.
    package var keepsVersions: Int?
    /// Fingerprints of the texts that the plan was read from, by the names of the run's copies; nil where they were not
    /// recorded.
    package var keptTexts: [String: String]?
    /// Fingerprints of the variables that the definitions name, besides secret ones, which change without a difference for
    /// the data; nil where they were not recorded.
    package var variables: [String: String]?
    /// The slot that the run is for; nil when no schedule started it.
    package var slot: ScheduleSlot?
    /// Whom to notify of what; nil where nobody is.
    package var notifications: [NotificationRule]?
    /// The name of the time zone in which `today` is taken; nil for UTC.
    package var timeZone: String?

    private let indices: [StageID: Int]
    /// For each stage, the positions of its direct upstream stages.
    package let upstream: [[Int]]
    /// For each stage, the positions of its direct downstream stages.
    package let downstream: [[Int]]

    package init(
        pipeline: String, description: String = "", file: String = "", root: String = "", environment: String? = nil,
        parameters: [String: String] = [:], maxParallel: Int, pools: [PoolName: Int] = [:],
        stages: [PlannedStage], selection: String? = nil, reusesUnchanged: Bool = false,
        definitionText: String = "", origin: RunOrigin? = nil, keepsVersions: Int? = nil,
        keptTexts: [String: String]? = nil, slot: ScheduleSlot? = nil,
        notifications: [NotificationRule]? = nil
    ) {
        self.pipeline = pipeline
        self.description = description
        self.file = file
        self.root = root
        self.environment = environment
        self.parameters = parameters
        self.maxParallel = maxParallel
        self.pools = pools
        self.stages = stages
        self.selection = selection
        self.reusesUnchanged = reusesUnchanged
        self.definitionText = definitionText
        self.origin = origin
        self.keepsVersions = keepsVersions
        self.keptTexts = keptTexts
        self.slot = slot
        self.notifications = notifications
        var indices: [StageID: Int] = [:]
        for (index, stage) in stages.enumerated() { indices[stage.id] = index }
        self.indices = indices
        let upstream = stages.map { stage in stage.upstream.compactMap { indices[$0] } }
        var downstream = [[Int]](repeating: [], count: stages.count)
        for (index, needs) in upstream.enumerated() { for need in needs { downstream[need].append(index) } }
        self.upstream = upstream
        self.downstream = downstream
    }

    /// The plan with usual durations added for stages that have none.
    package func expecting(_ usual: [StageID: Duration]) -> RunPlan {
        var plan = self
        for index in plan.stages.indices where plan.stages[index].expected == nil {
            plan.stages[index].expected = usual[plan.stages[index].id]
        }
        return plan
    }

    /// The position of a stage, or nil when the run does not include it.
    package func index(of id: StageID) -> Int? { indices[id] }

    /// The positions of all downstream stages, nearest first.
    package func allDownstream(of start: Int) -> [Int] { reached(from: start, along: downstream) }

    /// The positions of all upstream stages, nearest first.
    package func allUpstream(of start: Int) -> [Int] { reached(from: start, along: upstream) }

    private func reached(from start: Int, along edges: [[Int]]) -> [Int] {
        var seen = Set([start])
        var found: [Int] = []
        var next = edges[start][...]
        while let index = next.popFirst() {
            guard seen.insert(index).inserted else { continue }
            found.append(index)
            next.append(contentsOf: edges[index])
        }
        return found
    }

    private enum CodingKeys: String, CodingKey {
        case pipeline, description, file, root, environment, parameters, maxParallel, pools, stages, selection
        case reusesUnchanged, refreshesAll, definitionText, origin, keepsVersions, keptTexts, slot, notifications
        case variables, filePlace, timeZone
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            pipeline: try values.decode(String.self, forKey: .pipeline),
            description: try values.decodeIfPresent(String.self, forKey: .description) ?? "",
            file: try values.decode(String.self, forKey: .file),
            root: try values.decode(String.self, forKey: .root),
            environment: try values.decodeIfPresent(String.self, forKey: .environment),
            parameters: try values.decode([String: String].self, forKey: .parameters),
            maxParallel: try values.decode(Int.self, forKey: .maxParallel),
            pools: try values.decode([PoolName: Int].self, forKey: .pools),
            stages: try values.decode([PlannedStage].self, forKey: .stages),
            selection: try values.decodeIfPresent(String.self, forKey: .selection),
            reusesUnchanged: try values.decodeIfPresent(Bool.self, forKey: .reusesUnchanged) ?? false,
            definitionText: try values.decodeIfPresent(String.self, forKey: .definitionText) ?? "",
            origin: try values.decodeIfPresent(RunOrigin.self, forKey: .origin),
            keepsVersions: try values.decodeIfPresent(Int.self, forKey: .keepsVersions),
            keptTexts: try values.decodeIfPresent([String: String].self, forKey: .keptTexts),
            slot: try values.decodeIfPresent(ScheduleSlot.self, forKey: .slot),
            notifications: try values.decodeIfPresent([NotificationRule].self, forKey: .notifications))
        refreshesAll = try values.decodeIfPresent(Bool.self, forKey: .refreshesAll)
        variables = try values.decodeIfPresent([String: String].self, forKey: .variables)
        filePlace = try values.decodeIfPresent(String.self, forKey: .filePlace)
        timeZone = try values.decodeIfPresent(String.self, forKey: .timeZone)
    }
}

/// One stage of a run: its rules with all values filled in, but not its work.
package struct PlannedStage: Sendable, Hashable {
    /// The rules of a fan-out.
    package struct FanOutRules: Sendable, Codable, Hashable {
        /// How many items run at once; nil means as many as the run allows.
        package var maxParallel: Int?
        package var onFailure: FanOut.OnFailure

        package init(maxParallel: Int?, onFailure: FanOut.OnFailure) {
            self.maxParallel = maxParallel
            self.onFailure = onFailure
        }
    }

    package var id: StageID
    /// The stage's type as the file names it.
    package var type: String
    package var description: String
    package var group: String?
    /// Its direct upstream stages.
    package var upstream: [StageID]
    package var when: TriggerRule
    /// Why it is skipped, when its condition is false.
    package var skipReason: String?
    package var retry: RetryPolicy
    package var timeout: Duration?
    package var pool: PoolName?
    package var resources: Resources
    package var allowsFailure: Bool
    package var isIdempotent: Bool
    package var fanOut: FanOutRules?
    /// The datasets it reads and writes, and the paths or tables it writes, for previews.
    package var inputs: [String]
    /// Every dataset it reads, including those of its checks and its fan-out.
    package var reads: [String]
    package var outputs: [String]
    package var outputPaths: [String]
    /// The median duration of past attempts; for a fan-out, of the whole stage.
    package var expected: Duration?
    /// Its resolved definition, one value on each line: the stage, then its datasets and their schemas.
    package var definitionText: String

    package init(
        id: StageID, type: String = "command", description: String = "", group: String? = nil,
        upstream: [StageID] = [], when: TriggerRule = .allSucceeded, skipReason: String? = nil,
        retry: RetryPolicy = .none, timeout: Duration? = nil, pool: PoolName? = nil,
        resources: Resources = Resources(), allowsFailure: Bool = false, isIdempotent: Bool = true,
        fanOut: FanOutRules? = nil, inputs: [String] = [], reads: [String] = [], outputs: [String] = [],
        outputPaths: [String] = [],
        expected: Duration? = nil, definitionText: String = ""
    ) {
        self.id = id
        self.type = type
        self.description = description
        self.group = group
        self.upstream = upstream
        self.when = when
        self.skipReason = skipReason
        self.retry = retry
        self.timeout = timeout
        self.pool = pool
        self.resources = resources
        self.allowsFailure = allowsFailure
        self.isIdempotent = isIdempotent
        self.fanOut = fanOut
        self.inputs = inputs
        self.reads = reads
        self.outputs = outputs
        self.outputPaths = outputPaths
        self.expected = expected
        self.definitionText = definitionText
    }

    /// Whether its attempts need resources that other runs on this machine may hold.
    package var needsLease: Bool { pool != nil || !resources.isEmpty }
}

/// Only values that differ from the default are encoded: a plan may have a thousand stages, and most of them have few
/// rules.
extension PlannedStage: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, type, description, group, upstream, when, skipReason, retry, timeout, pool, resources, allowsFailure
        case isIdempotent, fanOut, inputs, reads, outputs, outputPaths, expected, definitionText
    }

    /// A field that is recorded where it differs from its default.
    private struct Field: Sendable {
        let take: @Sendable (KeyedDecodingContainer<CodingKeys>, inout PlannedStage) throws -> Void
        let put: @Sendable (PlannedStage, inout KeyedEncodingContainer<CodingKeys>) throws -> Void

        init<Value: Codable & Equatable & Sendable>(
            _ key: CodingKeys, _ path: any WritableKeyPath<PlannedStage, Value> & Sendable
        ) {
            take = { values, stage in
                if let value = try values.decodeIfPresent(Value.self, forKey: key) { stage[keyPath: path] = value }
            }
            put = { stage, values in
                let value = stage[keyPath: path]
                if value != PlannedStage.plain[keyPath: path] { try values.encode(value, forKey: key) }
            }
        }
    }

    /// A stage whose fields have their defaults.
    private static let plain = PlannedStage(id: "")

    private static let fields = [
        Field(.type, \.type),
        Field(.description, \.description),
        Field(.group, \.group),
        Field(.upstream, \.upstream),
        Field(.when, \.when),
        Field(.skipReason, \.skipReason),
        Field(.retry, \.retry),
        Field(.timeout, \.timeout),
        Field(.pool, \.pool),
        Field(.resources, \.resources),
        Field(.allowsFailure, \.allowsFailure),
        Field(.isIdempotent, \.isIdempotent),
        Field(.fanOut, \.fanOut),
        Field(.inputs, \.inputs),
        Field(.outputs, \.outputs),
        Field(.outputPaths, \.outputPaths),
        Field(.expected, \.expected),
        Field(.definitionText, \.definitionText),
    ]

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(id: try values.decode(StageID.self, forKey: .id))
        for field in Self.fields { try field.take(values, &self) }
        reads = try values.decodeIfPresent([String].self, forKey: .reads) ?? inputs
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(id, forKey: .id)
        for field in Self.fields { try field.put(self, &values) }
        if reads != inputs { try values.encode(reads, forKey: .reads) }
    }
}
