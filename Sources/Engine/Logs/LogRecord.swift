package import CaudalModel

/// The severity of a line of the log.
package enum LogLevel: Int, Sendable, Codable, Comparable, CaseIterable {
    case debug, info, warn, error

    /// The level as the log writes it: `debug`, `info`, `warn`, `error`.
    package var name: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warn: "warn"
        case .error: "error"
        }
    }

    /// Parses a level; `warning` and `fatal` are accepted too.
    package init?(named text: some StringProtocol) {
        switch text.lowercased() {
        case "debug", "trace", "verbose", "fine", "finer", "finest": self = .debug
        case "info", "information", "notice": self = .info
        case "warn", "warning": self = .warn
        case "error", "err", "fatal", "critical", "crit", "severe", "alert", "emerg", "emergency", "panic", "dpanic":
            self = .error
        default: return nil
        }
    }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// The source of a line of the log.
package enum LogStream: String, Sendable, Codable, CaseIterable {
    case engine, stdout, stderr
}

/// One line of the log with all of its fields.
package struct LogRecord: Sendable, Hashable {
    /// Milliseconds since 1970, UTC.
    package var time: Int64
    package var level: LogLevel
    package var pipeline: String
    package var run: RunID
    /// The line's stage; nil for lines about the run as a whole.
    package var stage: StageID?
    package var item: ItemKey?
    package var attempt: Int?
    package var stream: LogStream
    /// The text; invalid UTF-8 is U+FFFD here and unchanged in the file.
    package var message: String
    /// The JSON object that the line consisted of, as text; nil for other lines.
    package var fields: String?
    /// Whether it continues the record of the line before, as the lines of a stack trace do.
    package var continues = false

    package init(
        time: Int64, level: LogLevel, pipeline: String, run: RunID, stage: StageID? = nil, item: ItemKey? = nil,
        attempt: Int? = nil, stream: LogStream, message: String, fields: String? = nil
    ) {
        self.time = time
        self.level = level
        self.pipeline = pipeline
        self.run = run
        self.stage = stage
        self.item = item
        self.attempt = attempt
        self.stream = stream
        self.message = message
        self.fields = fields
    }

    /// The stage or item; nil for lines about the run as a whole.
    package var unit: UnitID? { stage.map { UnitID($0, item) } }

    /// The stage, item and attempt: `clean[north]#2`; the attempt only from the second on.
    package var source: String { Self.nameOfSource(stage, item, attempt) }

    static func nameOfSource(_ stage: StageID?, _ item: ItemKey?, _ attempt: Int?) -> String {
        guard let stage else { return "engine" }
        return stage.rawValue + (item.map { "[\($0)]" } ?? "") + ((attempt ?? 1) > 1 ? "#\(attempt ?? 1)" : "")
    }
}
