package import Foundation

/// A named graph of stages as its file describes it, checked and complete.
///
/// It never changes while it runs; what a run needs of it is in ``RunPlan``.
package struct Pipeline: Sendable {
    /// Its name; runs and history are kept under it.
    package var name: String
    /// What it is for, in a sentence.
    package var description: String
    /// The file it was read from, as the user named it.
    package var file: String
    /// The folder that relative paths start from, absolute.
    package var root: String
    /// What may be set for each run.
    package var parameters: [Parameter]
    /// Environment variables for command stages.
    package var environment: [String: Located<Template>]
    /// How many stages and items run at once.
    package var maxParallel: Int
    /// Slots shared by the stages that name the pool.
    package var pools: [PoolName: Int]
    /// Databases, by name.
    package var connections: [String: Connection]
    /// Data by name, in file order.
    package var datasets: [Dataset] { didSet { datasetPositions = Self.positions(datasets.map(\.name)) } }
    /// Stages in file order.
    package var stages: [Stage] { didSet { findStages() } }
    /// When it runs by itself, if it does.
    package var schedule: Schedule?
    /// Who is told of what.
    package var notifications: [Notification]
    /// The environment it was resolved for, or nil for the file's own values.
    package var chosenEnvironment: String?
    /// Whether unchanged stages are reused without being asked for on the command line.
    package var reusesUnchanged: Bool
    /// What a run does while another one writes the same paths.
    package var overlap = Overlap.refuse
    /// How many succeeded runs keep the versions of what they published.
    package var keepsVersions = 1
    /// The zone whose days `today` and `yesterday` are.
    package var timeZone = TimeZone.gmt
    /// How much of failing rows is kept, unless a stage says otherwise.
    package var samples = SampleRule.all
    /// What the log of one run may take on the disk, in bytes.
    package var logLimit = Int64(LogLimits.usual)
    /// Which names of variables and parameters stand for secrets.
    package var secretNames = SecretNames()

    /// What stages wait for because of the files that they read, besides what the names of datasets say.
    package var fileEdges: [StageID: Set<StageID>] = [:]

    // Where things stand in the lists above.
    private var stagePositions: [StageID: Int] = [:]
    private var datasetPositions: [DatasetName: Int] = [:]
    private var producerPositions: [DatasetName: Int] = [:]

    package init(
        name: String, description: String = "", file: String, root: String, parameters: [Parameter] = [],
        environment: [String: Located<Template>] = [:], maxParallel: Int, pools: [PoolName: Int] = [:],
        connections: [String: Connection] = [:], datasets: [Dataset] = [], stages: [Stage] = [],
        schedule: Schedule? = nil, notifications: [Notification] = [], chosenEnvironment: String? = nil,
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
        self.schedule = schedule
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
        stagePositions = Self.positions(stages.map(\.id))
        let outputs = stages.enumerated().flatMap { index, stage in stage.definition.outputs.map { ($0, index) } }
        producerPositions = Dictionary(outputs, uniquingKeysWith: { first, _ in first })
    }

    /// The stage of this name.
    package func stage(_ id: StageID) -> Stage? { stagePositions[id].map { stages[$0] } }

    /// The position of a stage in the file.
    package func position(of id: StageID) -> Int? { stagePositions[id] }

    /// The dataset of this name.
    package func dataset(_ name: DatasetName) -> Dataset? { datasetPositions[name].map { datasets[$0] } }

    /// The stage that writes a dataset, if one does.
    package func producer(of name: DatasetName) -> Stage? { producerPositions[name].map { stages[$0] } }

    /// Some stages and all that write data for them, directly or not.
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

    /// What each stage waits for: the stages it names in `needs` and those that write the data it reads, by its name or
    /// as one of the files that a pattern covers.
    package var upstream: [StageID: Set<StageID>] {
        var producers: [DatasetName: StageID] = [:]
        for stage in stages { for output in stage.definition.outputs { producers[output] = stage.id } }
        return Dictionary(
            stages.map { stage in
                (
                    stage.id,
                    Set(stage.needs.map(\.value)).union(stage.reads.compactMap { producers[$0.value] })
                        .union(fileEdges[stage.id] ?? [])
                )
            }, uniquingKeysWith: { first, _ in first })
    }
}

/// What a run does that would write the paths of a run that is under way.
package enum Overlap: String, Sendable, CaseIterable {
    /// It is not begun.
    case refuse
    /// It begins when the other one has ended.
    case wait
    /// It begins; the last one to publish a path wins.
    case allow
}

/// Something that may be set for a run: `params:` in the file, `--param` on the command line.
package struct Parameter: Sendable, Equatable {
    /// The kinds of value.
    package enum Kind: Sendable, Equatable {
        case string, integer, number, boolean, date
        case choice([String])

        /// As the file writes it.
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
    /// What it may hold.
    package var kind: Kind
    /// The value when none is given; nil makes it required.
    ///
    /// A date may be `today` or `yesterday`, in the pipeline's time zone.
    package var defaultValue: String?
    /// What it is for.
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

    /// Checks a value given as text and brings it into its usual form; `today` is a date in `zone`.
    ///
    /// - Returns: The value, or a sentence that says what is wrong with it.
    package func value(of text: String, now: Moment, in zone: TimeZone = .gmt) -> Result<String, ParameterFault> {
        switch kind {
        case .string: return .success(text)
        case .integer:
            return Int64(text).map { .success(String($0)) } ?? fault("'\(text)' is not a whole number")
        case .number:
            guard let number = Double(text) else { return fault("'\(text)' is not a number") }
            guard number.isFinite else { return fault("'\(text)' is not a finite number") }
            // Engines do not read hexadecimal ones.
            return .success(text.allSatisfy { "0123456789+-.eE".contains($0) } ? text : String(number))
        case .boolean:
            guard text == "true" || text == "false" else { return fault("'\(text)' is not true or false") }
            return .success(text)
        case .date:
            switch text {
            case "today": return .success(UTC.date(now.wall, in: zone))
            case "yesterday": return .success(UTC.date(now.wall, in: zone, daysBefore: 1))
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
    /// A sentence without the parameter's name.
    package let message: String
    package init(_ message: String) { self.message = message }
}

/// When a pipeline runs by itself.
package struct Schedule: Sendable, Equatable {
    /// What is done about times that passed while nothing could run.
    package enum CatchUp: String, Sendable, CaseIterable { case none, latest, all }
    /// What is done when the last run still goes on.
    package enum Overlap: String, Sendable, CaseIterable { case skip, wait, allow }

    /// Five fields, as in crontab.
    package var cron: String
    /// The time zone the fields are read in.
    package var timezone: String
    package var catchUp: CatchUp
    package var overlap: Overlap
    /// Where it is written.
    package var location: SourceLocation

    package init(cron: String, timezone: String, catchUp: CatchUp, overlap: Overlap, location: SourceLocation) {
        self.cron = cron
        self.timezone = timezone
        self.catchUp = catchUp
        self.overlap = overlap
        self.location = location
    }
}

/// Who is told of what.
package struct Notification: Sendable, Equatable {
    /// What may be told.
    package enum Occasion: String, Sendable, CaseIterable { case started, succeeded, failed, recovered, cancelled }

    package var occasions: [Occasion]
    /// The address that gets a POST.
    package var webhook: Template?
    /// A command that gets the message.
    package var command: Template?

    package init(occasions: [Occasion], webhook: Template?, command: Template?) {
        self.occasions = occasions
        self.webhook = webhook
        self.command = command
    }
}
