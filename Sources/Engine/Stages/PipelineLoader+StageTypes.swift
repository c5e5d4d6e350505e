import Foundation

extension PipelineLoader {
    /// A loader for all stage types and kinds of check, with queries parsed by DuckDB.
    ///
    /// - Parameters:
    ///   - variables: The process's environment.
    ///   - processorCount: The default for the number of stages that run at once.
    package init(variables: [String: String], processorCount: Int = ProcessInfo.processInfo.activeProcessorCount) {
        self.init(
            stageTypes: StageTypes.readers, checks: CheckKinds.read, queries: QueryParser(), variables: variables,
            processorCount: processorCount)
    }
}
