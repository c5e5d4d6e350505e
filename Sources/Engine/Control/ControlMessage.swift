import CaudalModel
import Foundation

/// A request of one Caudal process to the process that runs a run: a line of JSON on the run's socket.
struct ControlRequest: Codable, Sendable, Equatable {
    var command: RunCommand
    /// Who sends the command, for the record.
    var by: String

    /// The sender's name as the journal records it: truncated, and without control characters.
    var name: String {
        let visible = by.unicodeScalars.filter { ![.control, .format].contains($0.properties.generalCategory) }
        let name = String(String.UnicodeScalarView(visible)).prefix(Self.nameLimit)
        return name.isEmpty ? "somebody" : String(name)
    }

    /// The maximum length of a line in bytes: commands are far shorter, and a flood must not exhaust memory.
    static let lineLimit = 256 << 10
    /// The maximum length of a recorded name, in characters.
    static let nameLimit = 100
}

/// The reply: one line of JSON.
struct ControlReply: Codable, Sendable, Equatable {
    var accepted: String?
    var refused: String?

    init(_ answer: CommandAnswer) {
        switch answer {
        case .accepted(let text): accepted = text
        case .refused(let text): refused = text
        }
    }

    /// The answer, or nil when the reply contains none.
    var answer: CommandAnswer? {
        if let refused { return .refused(refused) }
        return accepted.map { .accepted($0) }
    }
}

/// Messages on the socket: JSON without line breaks, followed by a line feed.
enum ControlLine {
    static func bytes(_ message: some Encodable) -> [UInt8] { Array((JSONText.encoded(message) + "\n").utf8) }

    /// Decodes the message of a line, or nil when it is invalid.
    static func message<Message: Decodable>(_ type: Message.Type, _ line: some Sequence<UInt8>) -> Message? {
        // The sender is told that the message was not understood.
        try? JSONDecoder().decode(type, from: Data(line))
    }
}
