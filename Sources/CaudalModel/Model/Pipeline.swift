package import Foundation

/// A named graph of stages, as its file defines it, validated and complete.
///
/// It never changes during a run; what a run needs of it is in ``RunPlan``.
package struct Pipeline: Sendable {
    /// The name; runs and their history are stored under it.
    package var name: String
    /// What the pipeline is for, in a sentence.
    package var description: String
    /// The file it was read from, as the user named it.
    package var file: String
    /// The folder that relative paths start from, absolute.
    package var root: String
    /// The parameters that can be set for each run.
    package var parameters: [Parameter]
    /// Environment variables for command stages.
    package var environment: [String: Located<Template>]
    /// The maximum number of stages and items that run at once.
    package var maxParallel: Int
    /// The slots of each pool, shared by the stages that name it.
    package var pools: [PoolName: Int]
    /// The databases, by name.
    package var connections: [String: Connection]
    /// The datasets, in file order.
    package var datasets: [Dataset] { didSet { datasetPositions = Self.positions(datasets.map(\.name)) } }
    /// The stages, in file order.
    package var stages: [Stage] { didSet { findStages() } }
    /// When the pipeline runs by itself, in file order.
    package var schedules: [Schedule]
    /// Whom to notify of what, those of stages included.
    package var notifications: [NotificationRule]
    /// The environment that is applied, or nil for the file's own values.
    package var chosenEnvironment: String?
    /// Whether unchanged stages are reused without an option on the command line.
    package var reusesUnchanged: Bool
    /// What a new run does while another run writes the same paths.
    package var overlap = Overlap.refuse
    /// The number of succeeded runs whose published versions are kept.
    package var keepsVersions = 1
    /// Which of its runs are kept once another one has ended.
    package var retention = Retention()
    /// The time zone in which `today` and `yesterday` are taken.
    package var timeZone = TimeZone.gmt
    /// How much of the failing rows is kept, unless a stage sets it.
    package var samples = SampleRule.all
    /// The maximum size of a run's log, in bytes.
    package var logLimit = Int64(LogLimits.usual)
    /// The machines and clusters that stages may run on, by name.
    package var targets: [String: Target] = [:]
    /// Which names of variables and parameters denote secrets.
    package var secretNames = SecretNames()
    /// How Spark is reached by the stages that run on it.
    package var spark = SparkSettings()

    /// Upstream stages that follow from the files that stages read, besides those that follow from dataset names.
    package var fileEdges: [StageID: Set<StageID>] = [:] { didSet { findUpstream() } }

    /// The upstream stages of each stage: those in its `needs`, and those that write the data it reads, by dataset name
    /// or as files that a pattern matches.
    package private(set) var upstream: [StageID: Set<StageID>] = [:]

    // Positions in the lists above.
    private var stagePositions: [StageID: Int] = [:]
    private var datasetPositions: [DatasetName: Int] = [:]
    private var producerPositions: [DatasetName: Int] = [:]

    package init(
        name: String, description: String = "", file: String, root: String, parameters: [Parameter] = [],
        environment: [String: Located<Template>] = [:], maxParallel: Int, pools: [PoolName: Int] = [:],
        connections: [String: Connection] = [:], datasets: [Dataset] = [], stages: [Stage] = [],
        schedules: [Schedule] = [], notifications: [NotificationRule] = [], chosenEnvironment: String? = nil,
        reusesUnchanged: Bool = false
    ) {
        self.name = name
        self.description = description
        self.file = file
        self.root = root
        self.parameters = parameters
        self.environment = environment
        self.maxParallel = maxParallel
        self.pools = pools
        self.connections = connections
        self.datasets = datasets
        self.stages = stages
        self.schedules = schedules
        self.notifications = notifications
        self.chosenEnvironment = chosenEnvironment
        self.reusesUnchanged = reusesUnchanged
        datasetPositions = Self.positions(datasets.map(\.name))
        findStages()
    }

    private static func positions<Name: Hashable>(_ names: [Name]) -> [Name: Int] {
        Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
    }

    private mutating func findStages() {
        // By their positions: a stage is large, and a loop over stages copies each.
        stagePositions = Self.positions(stages.indices.map { stages[$0].id })
        let outputs = stages.indices.flatMap { index in stages[index].definition.outputs.map { ($0, index) } }
        producerPositions = Dictionary(outputs, uniquingKeysWith: { first, _ in first })
        findUpstream()
    }

    private mutating func findUpstream() {
        var producers: [DatasetName: StageID] = [:]
        for index in stages.indices {
            for output in stages[index].definition.outputs { producers[output] = stages[index].id }
        }
        let upstream = stages.indices.map { index in
            let id = stages[index].id
            let writers = stages[index].reads.compactMap { producers[$0.value] }
            return (id, Set(stages[index].needs.map(\.value)).union(writers).union(fileEdges[id] ?? []))
        }
        self.upstream = Dictionary(upstream, uniquingKeysWith: { first, _ in first })
    }

    /// The stage with this name.
    package func stage(_ id: StageID) -> Stage? { stagePositions[id].map { stages[$0] } }

    /// The position of a stage in the file.
    package func position(of id: StageID) -> Int? { stagePositions[id] }

    /// The dataset with this name.
    package func dataset(_ name: DatasetName) -> Dataset? { datasetPositions[name].map { datasets[$0] } }

    /// The parameter whose value a text is, and nothing else.
    package func parameter(of text: Template) -> Parameter? {
        guard text.segments.count == 1, case .param(let name)? = text.references.first else { return nil }
        return parameters.first { $0.name == name }
    }

    /// What a condition compares, by the types of its parameters.
    package func values(of condition: Condition) -> Condition.Values {
        let sides = [condition.left, condition.right]
        let names = sides.flatMap(\.references).compactMap { if case .param(let name) = $0 { name } else { nil } }
        if names.isEmpty { return .untyped }
        let compared = sides.compactMap { parameter(of: $0) }
        let areNumbers = compared.allSatisfy { $0.kind == .integer || $0.kind == .number }
        return areNumbers && compared.count == names.count ? .numbers : .texts
    }

    /// The stage that writes a dataset; nil for a source.
    package func producer(of name: DatasetName) -> Stage? { producerPositions[name].map { stages[$0] } }

    /// The given stages and every stage that writes data for them, directly or indirectly.
    package func writersBehind(_ stages: Set<StageID>) -> Set<StageID> {
        var found = stages
        var open = Array(stages)
        while let next = open.popLast() {
            for read in stage(next)?.reads ?? [] {
                guard let writer = producer(of: read.value)?.id, found.insert(writer).inserted else { continue }
                open.append(writer)
            }
        }
        return found
    }
}

/// What a new run does when another run is writing the same paths.
package enum Overlap: String, Sendable, CaseIterable {
    /// It is refused.
    case refuse
    /// It starts when the other run has ended.
    case wait
    /// It starts; the last run to publish a path wins.
    case allow
}

/// A value that can be set for a run: `params:` in the file, `--param` on the command line.
package struct Parameter: Sendable, Equatable {
    /// The kinds of parameter.
    package enum Kind: Sendable, Equatable {
        case string, integer, number, boolean, date
        case choice([String])

        /// The kind as the file names it.
        package var name: String {
            switch self {
            case .string: "string"
            case .integer: "integer"
            case .number: "number"
            case .boolean: "boolean"
            case .date: "date"
            case .choice: "enum"
            }
        }
    }

    /// Its name.
    package var name: String
    /// Which values it accepts.
    package var kind: Kind
    /// The value when none is given; nil makes the parameter required.
    ///
    /// A date may be `today` or `yesterday`, in the pipeline's time zone.
    package var defaultValue: String?
    /// What the parameter is for.
    package var description: String
    /// Where it is declared.
    package var location: SourceLocation

    package init(
        name: String, kind: Kind, defaultValue: String?, description: String = "", location: SourceLocation
    ) {
        self.name = name
        self.kind = kind
        self.defaultValue = defaultValue
        self.description = description
        self.location = location
    }

    /// Validates a value given as text and normalizes it; `today` is a date in `zone`.
    ///
    /// - Parameter today: The date that `today` means, such as that of a slot; nil for the one of `now`.
    /// - Returns: The value, or a sentence that says what is wrong with it.
    package func value(
        of text: String, now: Moment, in zone: TimeZone = .gmt, today: String? = nil
    ) -> Result<String, ParameterFault> {
        switch kind {
        case .string: return .success(text)
        case .integer:
            return Int64(text).map { .success(String($0)) } ?? fault("'\(text)' is not a whole number")
        case .number:
            guard let number = Double(text) else { return fault("'\(text)' is not a number") }
            guard number.isFinite else { return fault("'\(text)' is not a finite number") }
            // SQL engines do not read hexadecimal numbers.
            return .success(text.allSatisfy { "0123456789+-.eE".contains($0) } ? text : String(number))
        case .boolean:
            guard text == "true" || text == "false" else { return fault("'\(text)' is not true or false") }
            return .success(text)
        case .date:
            let today = today ?? UTC.date(now.wall, in: zone)
            switch text {
            case "today": return .success(today)
            case "yesterday": return .success(UTC.dayBefore(today))
            default:
                guard UTC.milliseconds(ofDate: text) != nil else {
                    return fault("'\(text)' is not a date; write it as 2026-11-23, today or yesterday")
                }
                return .success(text)
            }
        case .choice(let values):
            guard values.contains(text) else {
                return fault("'\(text)' is not one of \(values.joined(separator: ", "))")
            }
            return .success(text)
        }
    }

    private func fault(_ message: String) -> Result<String, ParameterFault> { .failure(ParameterFault(message)) }
}

/// Why a value does not fit its parameter.
package struct ParameterFault: Error, Equatable, Sendable {
    /// A sentence that leaves out the parameter's name.
    package let message: String
    package init(_ message: String) { self.message = message }
}
