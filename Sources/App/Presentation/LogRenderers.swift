import CaudalModel
import Engine
import Foundation

/// Which columns a line of the log is printed with, and how.
struct LogFormat: Sendable {
    /// The forms in which lines are printed.
    enum Form: String, CaseIterable { case text, json, csv }

    var form = Form.text
    /// Names of fields of JSON lines that are printed besides the text, each by its path.
    var fields: [LogField] = []
    var zone: ZoneRules
    var isColoured = false
    /// Whether the output is a terminal, which must not receive control characters.
    var isTerminal = false
    /// Whether lines of several runs are mixed, so that each says which it is of.
    var showsRun = false

    /// A renderer for some blocks.
    func renderer() -> any LogRenderer {
        switch form {
        case .text: TextLogRenderer(format: self)
        case .json: JSONLogRenderer(format: self)
        case .csv: CSVLogRenderer(format: self)
        }
    }

    /// What precedes the lines.
    var header: String {
        guard form == .csv else { return "" }
        let names = CSVLogRenderer.columns + fields.map(\.name)
        return names.map { CSVLogRenderer.cell(Array($0.utf8)[...]) }.map { String(decoding: $0, as: UTF8.self) }
            .joined(separator: ",") + "\n"
    }
}

extension Paint {
    /// The paint as it is, for text that is printed on standard output.
    func bytes(_ text: StyledText, _ style: Style) -> [UInt8] { Array(self(text, style).rendered().utf8) }
}

/// Lines for people: time, level, source and text.
struct TextLogRenderer: LogRenderer {
    private let format: LogFormat
    private var clock: LogClock
    private let levels: [[UInt8]]
    /// The source of lines, by its number.
    private var sources: [[UInt8]?] = []
    private let blank: [UInt8]

    init(format: LogFormat) {
        self.format = format
        clock = LogClock(zone: format.zone)
        let paint = Paint(format.isColoured ? .always : .never)
        levels = LogLevel.allCases.map { level in
            switch level {
            case .debug: paint.bytes("DEBUG", .dim)
            case .info: Array("INFO ".utf8)
            case .warn: paint.bytes("WARN ", .wait)
            case .error: paint.bytes("ERROR", .bad)
            }
        }
        blank = [UInt8](repeating: UInt8(ascii: " "), count: 28)
    }

    mutating func append(_ line: LogLine, isContext: Bool, to output: inout [UInt8]) {
        if line.source.continues {
            output += blank
            output += [UInt8](repeating: UInt8(ascii: " "), count: sourceWidth(of: line))
        } else {
            if format.isColoured { output += Self.dim }
            clock.append(line.time, to: &output)
            if format.isColoured { output += Self.plain }
            output += Self.gap
            output += levels[line.level.rawValue]
            output += Self.gap
            output += source(of: line)
            output += Self.gap
        }
        appendText(line, to: &output)
        for field in format.fields {
            guard let value = field.value(in: line.fields) else { continue }
            output += Array(PlainText.printed(" \(field.name)=\(String(decoding: value, as: UTF8.self))").utf8)
        }
        output.append(0x0A)
    }

    mutating func appendGap(to output: inout [UInt8]) { output += Array("--\n".utf8) }

    private static let dim = Array("\u{1b}[2m".utf8)
    private static let plain = Array("\u{1b}[0m".utf8)
    private static let gap = Array("  ".utf8)

    private mutating func source(of line: LogLine) -> [UInt8] {
        while sources.count <= line.sourceNumber { sources.append(nil) }
        if let known = sources[line.sourceNumber] { return known }
        let run = format.showsRun ? "\(line.source.pipeline) \(line.source.run.rawValue.suffix(4))  " : ""
        let text = Array(
            StyledText(run + PlainText.printed(line.source.name)).padded(to: 16 + run.count).rendered().utf8)
        sources[line.sourceNumber] = text
        return text
    }

    private mutating func sourceWidth(of line: LogLine) -> Int {
        TextWidth.of(String(decoding: source(of: line), as: UTF8.self)) + 2
    }

    private func appendText(_ line: LogLine, to output: inout [UInt8]) {
        if !line.hasEscapes, line.text.isPrintable {
            output.append(contentsOf: line.text)
        } else {
            let text = line.message
            output += Array((format.isColoured ? ProgramColours.printed(text) : PlainText.printed(text)).utf8)
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether all bytes are printable ASCII.
    fileprivate var isPrintable: Bool {
        var others = 0
        for byte in self { others &+= byte &- 0x20 < 0x5F ? 0 : 1 }
        return others == 0
    }
}

/// Writes the times of lines as a zone's clock shows them.
struct LogClock {
    let zone: ZoneRules
    /// The minute that was written last, as the log has it and as it is shown.
    private var stored: [UInt8] = []
    private var shown: [UInt8] = []
    /// The period of the last time.
    private var period: ZoneRules.Period?

    init(zone: ZoneRules) { self.zone = zone }

    /// Appends `2026-11-23 13:04:29` for a time of the log.
    mutating func append(_ time: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        if !stored.elementsEqual(time[..<16]) {
            stored = Array(time[..<16])
            shown = minute()
        }
        output += shown
        output.append(contentsOf: time[16..<19])
    }

    /// What the clock shows at the minute that is stored.
    private mutating func minute() -> [UInt8] {
        func number(_ places: Range<Int>) -> Int { stored[places].reduce(0) { $0 * 10 + Int($1) - 0x30 } }
        guard let days = UTC.days(year: number(0..<4), month: number(5..<7), day: number(8..<10)) else {
            return Array("0000-00-00 00:00".utf8)
        }
        let instant = Int64(days * 86_400 + number(11..<13) * 3600 + number(14..<16) * 60)
        let period =
            period.flatMap { instant >= $0.start && instant < $0.end ? $0 : nil } ?? zone.period(at: instant)
        self.period = period
        if period.offset == 0 { return stored[..<10] + [0x20] + stored[11...] }
        return Array(UTC.iso((instant + period.offset) * 1000).prefix(16).replacing(scalar: "T", with: " ").utf8)
    }
}

/// Text of programs with the colours that they gave it, and nothing else that a terminal acts upon.
enum ProgramColours {
    private static var colour: Regex<Substring> { #/\x{1b}\[[0-9;:]*m/# }

    /// The text for a terminal, as ``PlainText/printed(_:)`` makes it, with its colours.
    static func printed(_ text: String) -> String {
        guard text.utf8.contains(0x1B) else { return PlainText.printed(text) }
        var result = ""
        var rest = Substring(text)
        var isColoured = false
        while let found = rest.firstMatch(of: colour) {
            result += PlainText.printed(String(rest[..<found.range.lowerBound])) + found.output
            rest = rest[found.range.upperBound...]
            isColoured = true
        }
        return result + PlainText.printed(String(rest)) + (isColoured ? "\u{1b}[0m" : "")
    }
}

/// Lines as they are stored, or with chosen fields.
struct JSONLogRenderer: LogRenderer {
    let format: LogFormat

    mutating func append(_ line: LogLine, isContext: Bool, to output: inout [UInt8]) {
        let start = output.count
        if format.fields.isEmpty {
            output.append(contentsOf: line.bytes)
        } else {
            // Everything up to the text, and the chosen ones of its fields.
            output.append(contentsOf: line.head)
            output += Array(#","fields":{"#.utf8)
            var isFirst = true
            for field in format.fields {
                guard let value = field.json(in: line.fields) else { continue }
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                output += Array((JSONText.quoted(field.name) + ":").utf8)
                output += value
            }
            output += Array("}}".utf8)
        }
        if format.isTerminal {
            let text = PlainText.escaped(inJSON: String(decoding: output[start...], as: UTF8.self))
            output.replaceSubrange(start..., with: text.utf8)
        }
        output.append(0x0A)
    }

    // Programs tell matches by their times.
    mutating func appendGap(to output: inout [UInt8]) {}
}

/// A table for spreadsheets: RFC 4180.
struct CSVLogRenderer: LogRenderer {
    static let columns = ["time", "level", "pipeline", "run", "stage", "item", "attempt", "stream", "message"]

    private let format: LogFormat
    private var sources: [[UInt8]?] = []

    init(format: LogFormat) { self.format = format }

    mutating func append(_ line: LogLine, isContext: Bool, to output: inout [UInt8]) {
        let start = output.count
        output.append(contentsOf: line.time)
        output += Array(",\(line.level.name),".utf8)
        output += source(of: line)
        output += Self.cell(text(line)[...])
        for field in format.fields {
            output.append(UInt8(ascii: ","))
            output += Self.cell((field.value(in: line.fields) ?? [])[...])
        }
        if format.isTerminal {
            let text = PlainText.printed(String(decoding: output[start...], as: UTF8.self))
            output.replaceSubrange(start..., with: text.utf8)
        }
        output.append(0x0A)
    }

    mutating func appendGap(to output: inout [UInt8]) {}

    private func text(_ line: LogLine) -> [UInt8] {
        line.hasEscapes ? Array(line.message.utf8) : Array(line.text)
    }

    private mutating func source(of line: LogLine) -> [UInt8] {
        while sources.count <= line.sourceNumber { sources.append(nil) }
        if let known = sources[line.sourceNumber] { return known }
        let source = line.source
        let cells = [
            source.pipeline, source.run.rawValue, source.stage?.rawValue ?? "", source.item?.rawValue ?? "",
            source.attempt.map { String($0) } ?? "", source.stream.rawValue,
        ]
        let text = cells.flatMap { Self.cell(Array($0.utf8)[...]) + [UInt8(ascii: ",")] }
        sources[line.sourceNumber] = text
        return text
    }

    /// A value as RFC 4180 has it: within quotation marks where it needs them.
    static func cell(_ value: ArraySlice<UInt8>) -> [UInt8] {
        let special: [UInt8] = [UInt8(ascii: "\""), UInt8(ascii: ","), 0x0A, 0x0D]
        guard value.contains(where: special.contains) else { return Array(value) }
        let quote = UInt8(ascii: "\"")
        return [quote] + value.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote]
    }
}
