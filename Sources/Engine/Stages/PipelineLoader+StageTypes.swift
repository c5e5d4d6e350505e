import Foundation

extension PipelineLoader {
    /// A loader for every stage type and kind of check that there is, whose queries DuckDB reads.
    ///
    /// `variables`: the process's environment.
    /// `processorCount`: how many stages run at once where the file does not say.
    package init(variables: [String: String], processorCount: Int = ProcessInfo.processInfo.activeProcessorCount) {
        self.init(
            stageTypes: StageTypes.readers, checks: CheckKinds.read, queries: QueryParser(), variables: variables,
            processorCount: processorCount)
    }
}
