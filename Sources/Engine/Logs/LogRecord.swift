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
        case "debug", "trace": self = .debug
        case "info", "notice": self = .info
        case "warn", "warning": self = .warn
        case "error", "fatal", "critical": self = .error
        default: return nil
        }
    }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

    /// The level that a program's line states near its beginning, such as `2026-11-23 WARN disk is full`.
    package static func claimed(by line: UnsafeBufferPointer<UInt8>) -> LogLevel? {
        let head = UnsafeBufferPointer(rebasing: line.prefix(64))
        var index = 0
        while index < head.count {
            let byte = head[index]
            // Only capitals count as a level: harmless lines use the word "error" too.
            let isStart = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            let isAfterWord = index > 0 && Self.isLetter(head[index - 1])
            guard isStart, !isAfterWord else {
                index += 1
                continue
            }
            var end = index
            while end < head.count, isLetter(head[end]) { end += 1 }
            if let level = level(head, index, end) { return level }
            index = end
        }
        return nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
    }

    private static let words: [(word: [UInt8], level: LogLevel)] = {
        let levels: KeyValuePairs<String, LogLevel> = [
            "ERROR": .error, "FATAL": .error, "CRITICAL": .error, "WARNING": .warn, "WARN": .warn, "INFO": .info,
            "NOTICE": .info, "DEBUG": .debug, "TRACE": .debug,
        ]
        return levels.map { (Array($0.key.utf8), $0.value) }
    }()

    private static func level(_ line: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> LogLevel? {
        for (word, level) in words where word.count == end - start {
            if line[start..<end].elementsEqual(word) { return level }
        }
        return nil
    }
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

    /// The stage, item and attempt: `clean[north]#2`; the attempt only from the second on.
    package var source: String {
        guard let stage else { return "engine" }
        return stage.rawValue + (item.map { "[\($0)]" } ?? "") + ((attempt ?? 1) > 1 ? "#\(attempt ?? 1)" : "")
    }
}
