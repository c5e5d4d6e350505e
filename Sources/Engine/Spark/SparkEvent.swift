import CaudalModel

/// What the driver tells, a line each.
struct SparkEvent: Decodable {
    enum Kind: String, Decodable {
        case ready, refused, beat, statement, progress, row, wrote, fault, done, failed, cancelled
    }

    var event: Kind
    var id: String?
    /// The statement, counted from 1.
    var n: Int?
    var row: [String: DataReadings.Value]?
    var rows: Int64?
    var tasks: Int?
    var done: Int?
    var failed: Int?
    // Of a session.
    var version: String?
    var java: String?
    var ui: String?
    var application: String?
    // Of a fault.
    var message: String?
    var condition: String?
    var state: String?
    var offset: Int?
    var lacks_memory: Bool?
    /// Whether the script itself refused a value.
    var raised: Bool?
}

extension SparkEvent {
    /// The fault in words: that of a script's own refusal, or Spark's first line with its class.
    ///
    /// - Parameter hides: Whether values of rows are left out.
    func words(hides: Bool) -> String {
        let message = message ?? "Spark told no reason"
        guard raised == true, let start = message.firstIndex(of: "\u{1}") else {
            // Of a fault of Java, the first line says only where it was met.
            let lines = message.split(separator: "\n").map(String.init)
            let isOfJava = lines.count > 1 && lines[0].hasPrefix("An error occurred while calling")
            let first = (isOfJava ? String(lines[1].drop { ": ".contains($0) }) : lines.first) ?? message
            // What Spark says may quote a value.
            return hides ? "Spark failed (\(condition ?? "no class told"))" : first
        }
        let own = message[message.index(after: start)...]
        var words = ""
        var isValue = false
        for sign in own {
            switch sign {
            case "\u{2}": isValue = true
            case "\u{3}":
                if hides { words += "…" }
                isValue = false
            default: if !isValue || !hides { words.append(sign) }
            }
        }
        return words
    }

    /// Where in the statement's SQL the fault is, from 0; nil where Spark did not tell.
    var place: (line: Int, column: Int)? {
        guard let message, let match = message.firstMatch(of: #/line (\d+), pos (\d+)/#), let line = Int(match.1),
            let column = Int(match.2)
        else { return nil }
        return (line, column)
    }
}
