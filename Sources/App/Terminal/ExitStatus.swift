import Engine

/// How the program ends, as scripts see it.
enum ExitStatus: Int32 {
    case succeeded = 0
    case failed = 1
    /// The pipeline file, or what it names, is wrong.
    case invalid = 2
    case cancelled = 3
    /// Wrong usage, which ArgumentParser ends with, and a question that nobody is there to answer.
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
