import CaudalModel
import Engine
import Foundation

/// Encodes a value as one line of JSON.
enum JSONLine {
    /// The line, with sorted keys and without a line end.
    static func text(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("only values made of texts, numbers and lists of them are printed as JSON")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

extension [RunEvent] {
    /// One line of JSON for each event, each with a line end.
    func jsonLines(of run: RunID) -> String { map { $0.jsonLine(run: run) + "\n" }.joined() }
}

extension Output {
    /// Prints a value as one line of JSON.
    static func json(_ value: some Encodable) { json(JSONLine.text(value) + "\n") }
}
