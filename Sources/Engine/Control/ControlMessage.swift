import Foundation

/// What one caudal process asks of another that owns a run: a line of JSON on the run's socket.
struct ControlRequest: Codable, Sendable, Equatable {
    var command: RunCommand
    /// Who asks, for the record.
    var by: String

    /// Who asks, as it may stand in a journal: short, and without characters that drive terminals.
    var name: String {
        let visible = by.unicodeScalars.filter { ![.control, .format].contains($0.properties.generalCategory) }
        let name = String(String.UnicodeScalarView(visible)).prefix(Self.nameLimit)
        return name.isEmpty ? "somebody" : String(name)
    }

    /// The longest line that is taken, in bytes: a command is far shorter, and a flood must not fill memory.
    static let lineLimit = 256 << 10
    /// The longest name that is recorded, in characters.
    static let nameLimit = 100
}

/// The answer to it: one line of JSON.
struct ControlReply: Codable, Sendable, Equatable {
    var accepted: String?
    var refused: String?

    init(_ answer: CommandAnswer) {
        switch answer {
        case .accepted(let text): accepted = text
        case .refused(let text): refused = text
        }
    }

    /// The answer, or nil when the line holds none.
    var answer: CommandAnswer? {
        if let refused { return .refused(refused) }
        return accepted.map { .accepted($0) }
    }
}

/// Messages as they go over the socket: JSON without line breaks, and a line break.
enum ControlLine {
    static func bytes(_ message: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        guard let data = try? encoder.encode(message) else { preconditionFailure("not encodable: \(message)") }
        return Array(data) + [0x0A]
    }

    /// The message of a line, or nil when it is none.
    static func message<Message: Decodable>(_ type: Message.Type, _ line: some Sequence<UInt8>) -> Message? {
        // Whoever sent it is told that it was not understood.
        try? JSONDecoder().decode(type, from: Data(line))
    }
}
