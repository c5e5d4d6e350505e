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
    /// The resolved definition of the settings of the whole pipeline.
    package var definitionText: String
    /// The program and machine that began the run; nil where they were not recorded.
    package var origin: RunOrigin?
    /// The number of succeeded runs that keep their versions; nil is the default of one.
    package var keepsVersions: Int?
    /// Fingerprints of the texts that the plan was read from, by the names of the run's copies; nil where they were not
    /// recorded.
    package var keptTexts: [String: String]?
    /// The slot that the run is for; nil when no schedule started it.
    package var slot: ScheduleSlot?
    /// Whom to notify of what; nil where nobody is.
    package var notifications: [NotificationRule]?

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
        case reusesUnchanged, definitionText, origin, keepsVersions, keptTexts, slot, notifications
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let pools = try values.decode([String: Int].self, forKey: .pools)
        self.init(
            pipeline: try values.decode(String.self, forKey: .pipeline),
            description: try values.decodeIfPresent(String.self, forKey: .description) ?? "",
            file: try values.decode(String.self, forKey: .file),
            root: try values.decode(String.self, forKey: .root),
            environment: try values.decodeIfPresent(String.self, forKey: .environment),
            parameters: try values.decode([String: String].self, forKey: .parameters),
            maxParallel: try values.decode(Int.self, forKey: .maxParallel),
            pools: Dictionary(pools.map { (PoolName($0), $1) }, uniquingKeysWith: { first, _ in first }),
            stages: try values.decode([PlannedStage].self, forKey: .stages),
            selection: try values.decodeIfPresent(String.self, forKey: .selection),
            reusesUnchanged: try values.decodeIfPresent(Bool.self, forKey: .reusesUnchanged) ?? false,
            definitionText: try values.decodeIfPresent(String.self, forKey: .definitionText) ?? "",
            origin: try values.decodeIfPresent(RunOrigin.self, forKey: .origin),
            keepsVersions: try values.decodeIfPresent(Int.self, forKey: .keepsVersions),
            keptTexts: try values.decodeIfPresent([String: String].self, forKey: .keptTexts),
            slot: try values.decodeIfPresent(ScheduleSlot.self, forKey: .slot),
            notifications: try values.decodeIfPresent([NotificationRule].self, forKey: .notifications))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(pipeline, forKey: .pipeline)
        try values.encode(description, forKey: .description)
        try values.encode(file, forKey: .file)
        try values.encode(root, forKey: .root)
        try values.encodeIfPresent(environment, forKey: .environment)
        try values.encode(parameters, forKey: .parameters)
        try values.encode(maxParallel, forKey: .maxParallel)
        let named = pools.map { ($0.key.rawValue, $0.value) }
        try values.encode(Dictionary(named, uniquingKeysWith: { first, _ in first }), forKey: .pools)
        try values.encode(stages, forKey: .stages)
        try values.encodeIfPresent(selection, forKey: .selection)
        try values.encode(reusesUnchanged, forKey: .reusesUnchanged)
        try values.encode(definitionText, forKey: .definitionText)
        try values.encodeIfPresent(origin, forKey: .origin)
        try values.encodeIfPresent(keepsVersions, forKey: .keepsVersions)
        try values.encodeIfPresent(keptTexts, forKey: .keptTexts)
        try values.encodeIfPresent(slot, forKey: .slot)
        try values.encodeIfPresent(notifications, forKey: .notifications)
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

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(id: try values.decode(StageID.self, forKey: .id))
        func take<Value: Decodable>(_ field: WritableKeyPath<Self, Value>, _ key: CodingKeys) throws {
            if let value = try values.decodeIfPresent(Value.self, forKey: key) { self[keyPath: field] = value }
        }
        func take<Value: Decodable>(_ field: WritableKeyPath<Self, Value?>, _ key: CodingKeys) throws {
            self[keyPath: field] = try values.decodeIfPresent(Value.self, forKey: key)
        }
        try take(\.type, .type)
        try take(\.description, .description)
        try take(\.group, .group)
        try take(\.upstream, .upstream)
        try take(\.when, .when)
        try take(\.skipReason, .skipReason)
        try take(\.retry, .retry)
        try take(\.timeout, .timeout)
        try take(\.pool, .pool)
        try take(\.resources, .resources)
        try take(\.allowsFailure, .allowsFailure)
        try take(\.isIdempotent, .isIdempotent)
        try take(\.fanOut, .fanOut)
        try take(\.inputs, .inputs)
        reads = inputs
        try take(\.reads, .reads)
        try take(\.outputs, .outputs)
        try take(\.outputPaths, .outputPaths)
        try take(\.expected, .expected)
        try take(\.definitionText, .definitionText)
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        let plain = PlannedStage(id: id)
        func put<Value: Encodable & Equatable>(_ value: Value, unless usual: Value, _ key: CodingKeys) throws {
            if value != usual { try values.encode(value, forKey: key) }
        }
        try values.encode(id, forKey: .id)
        try put(type, unless: plain.type, .type)
        try put(description, unless: plain.description, .description)
        try put(group, unless: plain.group, .group)
        try put(upstream, unless: plain.upstream, .upstream)
        try put(when, unless: plain.when, .when)
        try put(skipReason, unless: plain.skipReason, .skipReason)
        try put(retry, unless: plain.retry, .retry)
        try put(timeout, unless: plain.timeout, .timeout)
        try put(pool, unless: plain.pool, .pool)
        try put(resources, unless: plain.resources, .resources)
        try put(allowsFailure, unless: plain.allowsFailure, .allowsFailure)
        try put(isIdempotent, unless: plain.isIdempotent, .isIdempotent)
        try put(fanOut, unless: plain.fanOut, .fanOut)
        try put(inputs, unless: plain.inputs, .inputs)
        try put(reads, unless: inputs, .reads)
        try put(outputs, unless: plain.outputs, .outputs)
        try put(outputPaths, unless: plain.outputPaths, .outputPaths)
        try put(expected, unless: plain.expected, .expected)
        try put(definitionText, unless: plain.definitionText, .definitionText)
    }
}
