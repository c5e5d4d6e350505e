import CaudalModel

/// The names of OpenTelemetry's semantic conventions that exports use, in one place: those for pipelines (`cicd`) are not
/// stable yet.
enum TraceNames {
    static let pipelineName = "cicd.pipeline.name"
    static let pipelineRunID = "cicd.pipeline.run.id"
    static let pipelineResult = "cicd.pipeline.result"
    static let pipelineAction = "cicd.pipeline.action.name"
    static let taskName = "cicd.pipeline.task.name"
    static let taskRunID = "cicd.pipeline.task.run.id"
    static let taskResult = "cicd.pipeline.task.run.result"
    static let errorType = "error.type"
    static let environment = "deployment.environment.name"
    static let cpuTime = "process.cpu.time"
    static let memory = "process.memory.usage"
    static let service = "service.name"
    static let serviceVersion = "service.version"
    static let host = "host.name"

    /// The values of ``pipelineResult`` and ``taskResult``.
    enum Result: String {
        case success, failure, timeout, cancellation, skip, error

        /// Whether the span is an error: what somebody cancelled is none.
        var isError: Bool { self == .failure || self == .timeout || self == .error }
    }

    /// The result of a run; nil while it is running.
    static func result(_ status: RunState.Status) -> Result? {
        switch status {
        case .succeeded: .success
        case .failed: .failure
        case .cancelled: .cancellation
        case .interrupted: .error
        case .running: nil
        }
    }

    /// The result of an attempt.
    ///
    /// `result`: nil for one whose process died with Caudal.
    static func result(_ result: AttemptResult?, stopped: StopReason?) -> Result {
        switch result?.ending {
        case .succeeded: .success
        case .reused, .skipped: .skip
        case .interrupted, nil: .error
        case .failed, .stopped:
            switch stopped {
            case .cancelled: .cancellation
            case .timedOut: .timeout
            case .shutdown: .error
            case nil: .failure
            }
        }
    }

    /// What kind of error it is, in words of which there are few: the kind of the failure, or how the program ended.
    static func errorType(_ result: AttemptResult?, stopped: StopReason?) -> String {
        if stopped == .timedOut { return "timeout" }
        if let kind = result?.failure?.kind { return kind.rawValue }
        switch result?.exit {
        case .exited(let status)? where status != 0: return "exit status \(status)"
        case .signaled(let signal)?: return "signal \(signal)"
        case .unknown?: return "exit status unknown"
        default: return result?.ending == .interrupted || result == nil ? "interrupted" : "_OTHER"
        }
    }
}
