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
        let fitting = Self.file(of: text, among: all)
        if let fitting, let pipeline = fitting.pipeline { return (fitting, pipeline) }
        if let fitting, let fault = fitting.fault {
            throw ScheduleError.invalidPipeline(PathText.relative(fitting.path, to: files.root), fault: fault)
        }
        throw ScheduleError.unknownPipeline(
            text, root: files.root, known: all.compactMap(\.pipeline?.name),
            unreadable: all.compactMap { $0.fault == nil ? nil : PathText.relative($0.path, to: files.root) })
    }

    private static func file(of text: String, among files: [ProjectFile]) -> ProjectFile? {
        let path = PathText.absolute(text, in: FileManager.default.currentDirectoryPath)
        return files.first { $0.path == path } ?? files.first { $0.pipeline?.name == text }
            ?? files.first { $0.statedName == text }
    }

    /// The schedules of a pipeline: those of its file, and those that a scheduler saw before they left it.
    ///
    /// What was recorded can be asked for, and be paused, also while the file is not valid.
    /// - Parameters:
    ///   - text: The name of a pipeline, or the path of its file.
    ///   - name: Only this schedule.
    /// - Throws: ``ScheduleError`` when nothing is known of it; ``StoreError``.
    func known(_ text: String, _ name: String?) throws -> [KnownSchedule] {
        let file = Self.file(of: text, among: read())
        let pipeline = file?.statedName ?? text
        let inFile = file?.pipeline?.schedules ?? []
        let gone = try (existingStore()?.recordedSchedules(of: pipeline) ?? [])
            .filter { name in !inFile.contains { $0.name == name } }
        // Says which name or which file is wrong.
        if file?.pipeline == nil, gone.isEmpty { _ = try self.pipeline(text) }
        let path = file.map { PathText.relative($0.path, to: files.root) }
        let all =
            inFile.map { KnownSchedule(key: ScheduleKey(pipeline: pipeline, schedule: $0.name), schedule: $0) }
            + gone.map { name in
                let note =
                    switch (path, file?.fault) {
                    case (let path?, let fault?):
                        "\(path) is not valid, and nothing of it is decided until it is mended: \(fault)"
                    case (let path?, nil): "\(path) has no schedule '\(name)' any more"
                    case (nil, _): "no file in \(files.root)/config has the pipeline any more"
                    }
                return KnownSchedule(
                    key: ScheduleKey(pipeline: pipeline, schedule: name), note: note,
                    isUnreadable: file?.fault != nil)
            }
        guard let name else { return all }
        guard let one = all.first(where: { $0.key.schedule == name }) else {
            throw ScheduleError.unknownSchedule(name, pipeline: pipeline, known: all.map(\.key.schedule))
        }
        return [one]
    }

    /// The time zone of a schedule.
    func zone(of schedule: Schedule) throws(ScheduleError) -> ZoneRules {
        guard let zone = ZoneLibrary().zone(named: schedule.timezone) else { throw .unknownZone(schedule.timezone) }
        return zone
    }
}

/// A schedule of which something is known.
struct KnownSchedule {
    var key: ScheduleKey
    /// As it is in the file; nil when it is not there.
    var schedule: Schedule?
    /// Why it is not there.
    var note: String?
    /// Whether the file may have it again as soon as it is mended.
    var isUnreadable = false
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
