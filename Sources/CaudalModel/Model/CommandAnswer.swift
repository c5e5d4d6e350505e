/// The answer to a command.
package enum CommandAnswer: Sendable, Hashable, Codable {
    /// The command was accepted; the sentence says what it did.
    case accepted(String)
    /// The command was refused; the sentence says why and what would work.
    case refused(String)
}
