import Foundation

/// The output of the `duckdb` program: a line of JSON for each row, and a mark `@@n` before the rows of statement n.
extension DataReadings {
    /// Reads the output file of a script that marked its progress.
    package init(output: some Collection<UInt8>) {
        var rows: [Row] = []
        var written: [SQLScript.StatementID: Int64] = [:]
        var last = 0
        let decoder = JSONDecoder()
        // DuckDB writes NaN and Infinity as JSON5 does; plain JSON is read faster and is what nearly all rows are.
        let lenient = JSONDecoder()
        lenient.allowsJSON5 = true
        for whole in output.split(separator: UInt8(ascii: "\n")) {
            let line = Self.withoutColour(whole)
            if line.starts(with: [UInt8(ascii: "@"), UInt8(ascii: "@")]) {
                last = Int(String(decoding: line.dropFirst(2), as: UTF8.self)) ?? last
            } else if line.first == UInt8(ascii: "{"),
                let fields = (try? decoder.decode([String: Value].self, from: Data(line)))
                    ?? (try? lenient.decode([String: Value].self, from: Data(line)))
            {
                // A line that is not an object comes from a statement whose rows are not read.
                let row = Row(statement: SQLScript.StatementID(number: last), fields: fields)
                rows.append(row)
                // COPY tells how many rows it wrote; whether with a capital depends on what else it tells.
                if row.kind == nil, written[row.statement] == nil,
                    let count = row.integer("Count") ?? row.integer("count")
                {
                    written[row.statement] = count
                }
            }
        }
        self.init(rows: rows, written: written, begun: last)
    }

    /// A line without the escape sequence in front of it, which resets the colour of a warning that DuckDB printed before.
    private static func withoutColour<Line: Collection<UInt8>>(_ line: Line) -> Line.SubSequence {
        guard line.first == 0x1B, let end = line.firstIndex(of: UInt8(ascii: "m")) else { return line[...] }
        return line[line.index(after: end)...]
    }
}
