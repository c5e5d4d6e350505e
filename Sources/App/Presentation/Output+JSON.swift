import CaudalModel
import Engine

extension [RunEvent] {
    /// One line of JSON for each event, each with a line end.
    func jsonLines(of run: RunID) -> String { map { $0.jsonLine(run: run) + "\n" }.joined() }
}

extension Output {
    /// Prints a value as one line of JSON.
    static func json(_ value: some Encodable) { json(JSONText.encoded(value) + "\n") }
}
