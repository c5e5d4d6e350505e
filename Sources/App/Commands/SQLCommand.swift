import ArgumentParser
import Engine

/// `caudal sql`: questions about everything that was recorded.
struct SQLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql", abstract: "Ask SQL over runs, stages, attempts, checks, artifacts, inputs and logs.",
        discussion: """
            The question is one SELECT in SQLite's SQL; nothing can be changed. Without a question the views and their
            columns are listed. Times are UTC as text; 'logs' holds lines of warning and above.

              caudal sql "select pipeline, state, count(*) from runs group by 1, 2"
            """)

    /// The forms an answer comes in.
    enum Format: String, CaseIterable, ExpressibleByArgument { case table, csv, json }

    @Argument(help: "The question, such as 'select * from runs'.")
    var question: String?

    @Option(help: "table, csv, or json (one object a line).")
    var format: Format = .table

    @OptionGroup var state: StateOptions

    func run() async throws {
        guard let question else {
            for view in StoreQuestion.views { Output.line("\(view.name)(\(view.columns.joined(separator: ", ")))") }
            return
        }
        // Opened first as every verb does, so that an older store is brought up to date.
        let store = try state.openStore()
        var names: [String] = []
        var table: [[String]] = []
        try Output.reporting {
            try StoreQuestion(store.folder).ask(
                question,
                head: { head in
                    names = head
                    switch format {
                    case .table: table.append(head)
                    case .csv: Output.document(head.map(Self.csv).joined(separator: ",") + "\n")
                    case .json: break
                    }
                },
                row: { row in
                    switch format {
                    case .table: table.append(row.map(Self.text))
                    case .csv: Output.document(row.map { Self.csv(Self.text($0)) }.joined(separator: ",") + "\n")
                    case .json:
                        let pairs = zip(names, row).map { "\(JSONText.quoted($0)):\(Self.json($1))" }
                        Output.json("{\(pairs.joined(separator: ","))}\n")
                    }
                })
        }
        for line in Columns.lines(table) { Output.line(line) }
    }

    private static func text(_ value: StoreValue) -> String {
        switch value {
        case .null: ""
        case .integer(let number): String(number)
        case .real(let number): number.plain
        case .text(let text): text
        case .blob(let bytes): "x'" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'"
        }
    }

    /// A field by RFC 4180.
    private static func csv(_ text: String) -> String {
        let needsQuotes = text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }

    private static func json(_ value: StoreValue) -> String {
        switch value {
        case .null: "null"
        case .integer(let number): String(number)
        case .real(let number): number.isFinite ? number.plain : "null"
        case .text, .blob: JSONText.quoted(text(value))
        }
    }
}
