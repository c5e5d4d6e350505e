/// An error of one domain: an enum of what can be wrong, with its facts.
///
/// Callers and tests decide by its cases; ``failure`` is the one place where they are put into words.
package protocol DomainError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The error in words: what is wrong, and how to fix it.
    var failure: Failure { get }
}

extension DomainError {
    /// The fault and its remedy on one line.
    package var description: String { failure.description }
}
