import CaudalModel
import ArgumentParser
import CSystem
import Engine
import Foundation

/// `caudal schedule`: pipelines that run by themselves.
struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Run pipelines by their schedules, and see what became of each slot.",
        discussion: CommandHelp.paragraphs(
            """
            'caudal schedule' runs the scheduler in the foreground: it watches the pipeline files in config/, and starts a run for
            every slot of their schedules. Each run is a process of its own, which goes on when the scheduler ends. One scheduler
            decides for a project at a time.

              caudal schedule                      run the scheduler
              caudal schedule status               what is due next, and the last slots
              caudal schedule explain sales 06:00  why a slot ran, or did not
              caudal schedule pause sales --reason 'no data until Monday'
            """),
        subcommands: [
            ScheduleStart.self, ScheduleNext.self, ScheduleStatus.self, SchedulePause.self, ScheduleResume.self,
            ScheduleRunNow.self, ScheduleExplain.self, ScheduleInstall.self, StartSlot.self,
        ], defaultSubcommand: ScheduleStart.self)
}

/// A project whose schedules a verb is about.
struct ScheduledProject {
    let files: ProjectFiles
    let state: StateFolder

    /// Finds the project of the current folder, or the one that the user named.
    init(_ options: StateOptions) throws {
        let place = ProjectPlace(
            chosenFolder: options.project.chosenFolder, currentFolder: options.project.currentFolder,
            variables: options.variables, stateFolder: options.foundStateFolder)
        files = ProjectFiles(
            root: place.root, chosenRoot: options.project.chosenFolder, variables: options.variables)
        state = options.stateFolder(root: place.root)
    }

    /// The pipeline files, as they are now.
    func read() -> [ProjectFile] { files.read(now: SystemClock.now.steady) }

    /// The run store; nil while the project has none.
    func existingStore() throws -> RunStore? {
        try FileText.exists(state.database) ? Output.reporting { try RunStore(state) } : nil
    }

    /// The one schedule that the user named.
    ///
    /// - Parameters:
    ///   - pipeline: The name of a pipeline, or the path of its file.
    ///   - schedule: The name of a schedule; nil when the pipeline has only one.
    /// - Throws: ``ScheduleError`` when there is none, or several are possible.
    func schedule(_ pipeline: String, _ schedule: String?) throws -> (ProjectFile, Schedule) {
        let (file, found) = try self.pipeline(pipeline)
        let names = found.schedules.map(\.name)
        if let schedule {
            guard let one = found.schedules.first(where: { $0.name == schedule }) else {
                throw ScheduleError.unknownSchedule(schedule, pipeline: found.name, known: names)
            }
            return (file, one)
        }
        guard let first = found.schedules.first else {
            throw ScheduleError.noSchedule(pipeline: found.name, file: file.path)
        }
        guard names.count == 1 else { throw ScheduleError.severalSchedules(names, pipeline: found.name) }
        return (file, first)
    }

    /// The pipeline that the user named, by its name or its file.
    func pipeline(_ text: String) throws -> (ProjectFile, Pipeline) {
        let all = read()
        let path = PathText.absolute(text, in: FileManager.default.currentDirectoryPath)
        let fitting = all.first { $0.path == path } ?? all.first { $0.pipeline?.name == text }
        if let fitting, let pipeline = fitting.pipeline { return (fitting, pipeline) }
        if let fault = fitting?.fault { throw ScheduleError.invalidPipeline(text, fault: fault) }
        throw ScheduleError.unknownPipeline(
            text, root: files.root, known: all.compactMap(\.pipeline?.name),
            unreadable: all.compactMap { $0.fault == nil ? nil : PathText.relative($0.path, to: files.root) })
    }

    /// The time zone of a schedule.
    func zone(of schedule: Schedule) throws(ScheduleError) -> ZoneRules {
        guard let zone = ZoneLibrary().zone(named: schedule.timezone) else { throw .unknownZone(schedule.timezone) }
        return zone
    }
}

extension TypedTime {
    /// Reads a time that the user typed.
    ///
    /// `option`: the option that it belongs to; nil for an argument.
    /// - Throws: `ValidationError` when it is no time.
    init(argument text: String, of option: String? = nil, now: Int64, in zone: ZoneRules) throws {
        guard let time = TypedTime(text, now: now, in: zone) else {
            let given = option.map { "\($0) \(text)" } ?? text
            throw ValidationError("'\(given)' is not a time; write \(TypedTime.examples)")
        }
        self = time
    }
}

/// The argument and option that name a schedule.
struct ScheduleChoice: ParsableArguments {
    @Argument(help: "The pipeline, or its file.")
    var pipeline: String

    @Argument(help: "The schedule, if the pipeline has several.")
    var schedule: String?
}
