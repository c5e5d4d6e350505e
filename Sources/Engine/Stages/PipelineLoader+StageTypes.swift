import Foundation

extension PipelineLoader {
    /// A loader for all stage types and kinds of check, with queries parsed by the engine.
    ///
    /// - Parameters:
    ///   - variables: The process's environment.
    ///   - processorCount: The default for the number of stages that run at once.
    ///   - now: The time after which clock changes that affect a schedule are looked for.
    ///   - engine: The engine that runs data stages.
    package init(
        variables: [String: String], processorCount: Int = ProcessInfo.processInfo.activeProcessorCount,
        now: Moment = SystemClock.now, engine: any SQLEngine.Type = SQLEngines.standard
    ) {
        self.init(
            stageTypes: StageTypes.readers, checks: CheckKinds.read, schedules: ScheduleEntryReader.reader(now: now),
            notifications: NotificationRulesReader.read, queries: engine.makeQueryReader(), variables: variables,
            processorCount: processorCount)
    }
}
