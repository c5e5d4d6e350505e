import CaudalModel
import ArgumentParser
import Engine

/// `caudal sql`: SQL queries over the run store.
struct SQLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Query recorded runs, stages, attempts, checks, artifacts, inputs and logs with SQL.",
        discussion: CommandHelp.paragraphs(
            """
            The query is one SELECT statement in SQLite's dialect; it cannot change anything. Without a query, the command
            lists the views and their columns. Times are text in UTC. The view 'logs' holds lines of level warn and above.

              caudal sql "select pipeline, state, count(*) from runs group by 1, 2"
            """))

    /// Output formats.
    enum Format: String, CaseIterable, ExpressibleByArgument { case table, csv, json }

    @Argument(help: ArgumentHelp("The query, such as 'select * from runs'.", valueName: "query"))
    var question: String?

    @Option(help: "Output format; json prints one object per line.")
    var format: Format = .table

    @Option(help: "Time limit of the query, such as 5m; 0s is no limit (default: 30s).")
    var timeout: String?

    @OptionGroup var state: StateOptions

    /// The largest table: its columns are aligned, so that all of it must fit into memory.
    private static let tableLimit = (rows: 10_000, bytes: 16_000_000)

    func run() async throws {
        var limit: Duration? = StoreQuestion.usualLimit
        if let timeout {
            guard let given = ScalarFormats.duration(timeout) else {
                throw ValidationError("'--timeout \(timeout)' is not a duration such as 5m")
            }
            limit = given > .zero ? given : nil
        }
        guard let question else {
            for view in StoreQuestion.views { Output.line("\(view.name)(\(view.columns.joined(separator: ", ")))") }
            return
        }
        // Opening the store migrates an older one, as with every verb.
        let store = try state.openStore()
        var names: [String] = []
        var table: [[String]] = []
        var size = 0
        var isCut = false
        try Output.reporting {
            try StoreQuestion(store.folder, isOnFullDisk: store.isOnFullDisk).ask(
                question, limit: limit,
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
                    case .table:
                        isCut = table.count > Self.tableLimit.rows || size > Self.tableLimit.bytes
                        if isCut { return false }
                        table.append(row.map(Self.text))
                        size += table[table.count - 1].reduce(0) { $0 + $1.utf8.count }
                    case .csv: Output.document(row.map { Self.csv(Self.text($0)) }.joined(separator: ",") + "\n")
                    case .json:
                        let pairs = zip(names, row).map { "\(JSONText.quoted($0)):\(Self.json($1))" }
                        Output.json("{\(pairs.joined(separator: ","))}\n")
                    }
                    return true
                })
        }
        Output.table(table)
        if isCut {
            let count = (table.count - 1).counted("row")
            Output.error("note: the answer is cut after \(count); --format csv prints all of it")
        }
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
        return needsQuotes ? "\"" + text.replacing(scalar: "\"", with: "\"\"") + "\"" : text
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
