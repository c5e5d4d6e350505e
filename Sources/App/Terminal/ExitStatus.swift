import CaudalModel
import Engine

/// The exit status of the program.
enum ExitStatus: Int32 {
    case succeeded = 0
    case failed = 1
    /// The pipeline file, or something that it refers to, is invalid.
    case invalid = 2
    case cancelled = 3
    /// Wrong usage (ArgumentParser uses it too), or a prompt without a terminal to answer at.
    case usage = 64
    case interrupted = 130

    init(_ status: RunState.Status) {
        switch status {
        case .succeeded: self = .succeeded
        case .failed, .running, .interrupted: self = .failed
        case .cancelled: self = .cancelled
        }
    }
}
