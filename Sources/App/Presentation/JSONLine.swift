import Engine
import Foundation

/// A value as one line of JSON.
enum JSONLine {
    /// The line, with sorted keys and without its end.
    static func text(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("what is printed as JSON is made of text, numbers and lists of them")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

extension [RunEvent] {
    /// A line of JSON for each event, with its end.
    func jsonLines(of run: RunID) -> String { map { $0.jsonLine(run: run) + "\n" }.joined() }
}

extension Output {
    /// Prints a value as one line of JSON.
    static func json(_ value: some Encodable) { json(JSONLine.text(value) + "\n") }
}
