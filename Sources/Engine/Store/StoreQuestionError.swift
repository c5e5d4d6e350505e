package import CaudalModel

/// Why a query over the run store has no answer.
package enum StoreQuestionError: DomainError {
    /// It is no query, but a statement that returns no rows.
    case noQuery
    /// It would change the run store.
    case wouldChange
    case busy
    /// It used up its time; nil if SQLite was interrupted without a limit.
    case tookTooLong(limit: Duration?)
    /// A value of its result is longer than ``StoreQuestion/valueLimit``.
    case valueTooLong(limit: Int64)
    case tooMuchMemory(limit: Int64)
    /// It is more than one statement, or only a part of one.
    case notOneStatement
    case unknownTable(String, message: String)
    case unknownColumn(String, message: String)
    /// It is wrong in another way, which SQLite or the caller tells.
    case failed(String)
}

extension StoreQuestionError {
    package var failure: Failure {
        switch self {
        case .noQuery:
            Failure(
                "only questions can be asked here, such as 'select * from runs'",
                remedy: "what caudal recorded cannot be changed")
        case .wouldChange: Failure("what caudal recorded cannot be changed here", remedy: "ask with 'select'")
        case .busy: Failure("the run store is busy", remedy: "try again")
        case .tookTooLong(let limit):
            Failure(
                "the question took longer than \(limit?.written ?? "it may") and was ended",
                remedy: "ask for less, or give it more time with --timeout")
        case .valueTooLong(let limit):
            Failure("a value of the answer is longer than \(limit.shortBytes)", remedy: "ask for a part of it")
        case .tooMuchMemory(let limit):
            Failure("the question takes more than \(limit.shortBytes) of memory", remedy: "ask for less at once")
        case .notOneStatement:
            Failure("only one complete question can be asked at a time", remedy: "remove what stands behind the ';'")
        case .unknownTable(let name, let message):
            Failure(
                message + Suggestion.phrase(for: name, among: StoreQuestion.views.map(\.name)),
                remedy: "there are \(StoreQuestion.views.map(\.name).formattedAsChoice)")
        case .unknownColumn(let name, let message):
            Failure(message + Self.hint(aboutColumn: name))
        case .failed(let message): Failure(message)
        }
    }

    /// Which view has a column, or what it may be called.
    private static func hint(aboutColumn name: String) -> String {
        let holders = StoreQuestion.views.filter { $0.columns.contains(name) }.map(\.name)
        if !holders.isEmpty { return "; \(holders.joined(separator: ", ")) ha\(holders.count == 1 ? "s" : "ve") it" }
        return Suggestion.phrase(for: name, among: Set(StoreQuestion.views.flatMap(\.columns)).sorted())
    }
}
