package import CaudalModel

/// Why the process that runs a run could not be told something.
package enum ControlError: DomainError {
    /// It accepts no connection; the `errno` says why.
    case unreachable(errno: Int32)
    case noAnswer(within: Duration)
    /// It closed the connection; without an `errno`, in good order.
    case closed(errno: Int32?)
    /// Its answer is none that this version knows.
    case unreadableAnswer
}

extension ControlError {
    package var failure: Failure {
        switch self {
        case .unreachable(let code):
            Failure(
                "the process that owns the run accepts no commands", errno: code,
                remedy: "use the terminal it was started in")
        case .noAnswer(let patience):
            Failure(
                "the process that owns the run did not answer within \(patience.short)",
                remedy: "check whether it is stopped or overloaded; the command may still be carried out")
        case .closed(let code):
            Failure(
                "the process that owns the run closed the connection before it answered"
                    + (code.map { ": \(Failure.words(ofErrno: $0))" } ?? ""),
                remedy: "see with 'caudal show' what became of the run")
        case .unreadableAnswer: Failure("the process that owns the run gave an answer that cannot be read")
        }
    }
}
