/// What became of a command.
package enum CommandAnswer: Sendable, Hashable, Codable {
    /// It was taken; what it did, in a sentence.
    case accepted(String)
    /// It was not; why, and what would work.
    case refused(String)
}
