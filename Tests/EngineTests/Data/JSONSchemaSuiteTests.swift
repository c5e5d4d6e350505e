import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// The public test suite of JSON Schema (json-schema-org/JSON-Schema-Test-Suite, draft 7), which lies beside the checkout
/// and is no part of the project.
@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct JSONSchemaSuiteTests {
    /// Where the suite is: the folder that `CAUDAL_SCHEMA_SUITE` names, or that beside the checkout.
    private static let place =
        ProcessInfo.processInfo.environment["CAUDAL_SCHEMA_SUITE"]
        ?? PathText.folder(of: Repository.root) + "/shared/json-schema-draft7"

    private static var isThere: Bool { FileManager.default.fileExists(atPath: place + "/type.json") }

    /// A case: a value, and whether a schema lets it through.
    private struct Case {
        let file: String
        let schema: String
        let title: String
        let data: String
        let isValid: Bool
    }

    /// Cases of one schema that stand in one file of rows.
    private struct Group {
        let schema: RowSchema
        let isWrapped: Bool
        var cases: [Case] = []
    }

    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    @Test(
        "Every case of the public suite that can stand in a row gets the suite's answer",
        .enabled(
            if: isThere,
            "the suite is not there: put json-schema-draft7 beside the checkout in 'shared', or name it in CAUDAL_SCHEMA_SUITE"
        ))
    func suite() async throws {
        let cases = try await cases()
        #expect(cases.count > 300)
        var leftOut: [String: Int] = [:]
        var groups: [String: Group] = [:]
        for one in cases {
            let isObject = one.data.hasPrefix("{")
            var reason: String?
            // A value that is no object, or an object that the schema sees as one value, stands in a column.
            for isWrapped in isObject ? [false, true] : [true] {
                let text = isWrapped ? #"{"properties": {"value": \#(one.schema)}}"# : one.schema
                let problems = ConfigProblems()
                let schema = RowSchemaReader.read(text, file: one.file, problems)
                if let schema, !problems.hasErrors {
                    // A row without any column is no row; as a value it is one.
                    if !isWrapped, one.data == "{}", schema.properties.isEmpty, schema.required.isEmpty { continue }
                    let key = "\(one.file) \(isWrapped) \(one.schema)"
                    groups[key, default: Group(schema: schema, isWrapped: isWrapped)].cases.append(one)
                    reason = nil
                    break
                }
                let fault = try #require(problems.errors.first)
                #expect(fault.location.line >= 1 && fault.location.column >= 1, "\(fault)")
                reason = Self.reason(of: fault.message)
            }
            if let reason { leftOut[reason, default: 0] += 1 }
        }
        let count = groups.values.reduce(0) { $0 + $1.cases.count }
        print("JSON Schema suite, draft 7: \(count) of \(cases.count) cases run, \(cases.count - count) left out:")
        for (reason, number) in leftOut.sorted(by: { $0.key < $1.key }) { print("  \(number): \(reason)") }
        try await check(groups.sorted { $0.key < $1.key }.map(\.value))
        let unclaimed = leftOut.keys.filter { reason in !Self.excuses.contains { reason.hasPrefix($0) } }
        #expect(unclaimed.isEmpty, "cases of supported keywords are left out")
    }

    /// Why a case may be left out.
    private static let excuses = ["the keyword '", "the format 'time'", "an object inside of a row", "'type' of a row"]

    /// A fault's message without what is particular to the case.
    private static func reason(of message: String) -> String {
        if message.contains("is nested") { return "an object inside of a row has keys of its own" }
        if message.contains("a row is an object") { return "'type' of a row is something other than object" }
        return String(message.prefix { $0 != "," })
    }

    @Test("A keyword that is not supported is an error where it stands, and the reference names it")
    func unsupported() throws {
        let reference = try FileText.read(Repository.path("docs/pipeline-reference.md"))
        for keyword in RowSchemaReader.unsupported {
            #expect(reference.contains("`\(keyword)`"))
            for text in ["{\n  \"\(keyword)\": {}}", "{\n  \"properties\": {\"a\": {\"\(keyword)\": {}}}}"] {
                let problems = ConfigProblems()
                _ = RowSchemaReader.read(text, file: "s.json", problems)
                let error = try #require(problems.errors.first)
                #expect(error.oneLine.hasPrefix("s.json:2:") && error.message.contains("'\(keyword)'"), "\(error)")
            }
        }
    }

    // MARK: - Cases

    private func cases() async throws -> [Case] {
        let names = (FileManager.default.subpaths(atPath: Self.place) ?? []).filter { $0.hasSuffix(".json") }.sorted()
        for name in names {
            try folder.write("suite/\(name)", Data(contentsOf: URL(filePath: Self.place + "/" + name)))
        }
        // DuckDB takes the values out as they are written: 1.0 stays apart from 1.
        let list = names.map { "'\(folder.path("suite/\($0)"))'" }.joined(separator: ", ")
        let rows = try await DuckDB(in: folder).rows(
            """
            SELECT file, CAST(g -> '$.schema' AS VARCHAR), (g ->> '$.description') || ': ' || (t ->> '$.description'),
                   CAST(t -> '$.data' AS VARCHAR), t ->> '$.valid'
            FROM (SELECT file, g, unnest(g -> '$.tests[*]') AS t FROM
                   (SELECT filename AS file, unnest(json -> '$[*]') AS g
                    FROM read_json_objects([\(list)], format = 'unstructured', filename = true)))
            """)
        return try rows.map { row in
            Case(
                file: PathText.relative(try #require(row[0]), to: folder.path("suite")), schema: try #require(row[1]),
                title: try #require(row[2]), data: try #require(row[3]), isValid: row[4] == "true")
        }
    }

    // MARK: - Answers

    /// Runs all groups in one process, and compares the rows that are invalid with the suite's.
    private func check(_ groups: [Group]) async throws {
        var script = SQLScript(title: "the suite")
        for (index, group) in groups.enumerated() {
            let lines = group.cases.map { group.isWrapped ? #"{"value": \#($0.data)}"# : $0.data }
            let file = try folder.write("\(index).jsonl", lines.map { $0 + "\n" }.joined())
            let keys = group.isWrapped ? ["value"] : Self.keys(of: lines)
            let source = DataSource(
                dataset: "suite", files: [file], format: .jsonl, columns: keys.map { Column($0, .other("JSON")) },
                isOwn: false)
            let intake = try Intake(
                source: source, schema: group.schema, root: folder.path, isStrict: true,
                stageLocation: SourceLocation(file: "suite", line: 1, column: 1), sql: DuckDBDialect())
            intake.statements.addSearch(to: &script, partition: [], corrections: [])
            script.addRows(of: "SELECT \(index), \"row\" FROM violations")
            let valid = intake.statements.validQuery(partition: [], format: .parquet, isCorrected: false)
            script.add("the valid rows, typed", .table(valid, as: "typed"))
            script.addRows(of: "SELECT \(index), -count(*) FROM typed")
            for table in ["intake", "broken", "invalid", "violations", "typed", "lines_0"] {
                script.add("make room", "DROP TABLE \(table)")
            }
        }
        let execution = try await DuckDB(in: folder).run(script)
        if let failure = execution.failure { throw failure }
        var invalid = Array(repeating: Set<Int>(), count: groups.count)
        var valid = Array(repeating: 0, count: groups.count)
        for row in execution.rows {
            let index = try #require(row[0].flatMap { Int($0) })
            let number = try #require(row[1].flatMap { Int($0) })
            if number > 0 { invalid[index].insert(number) } else { valid[index] = -number }
        }
        for (index, group) in groups.enumerated() {
            for (place, one) in group.cases.enumerated() {
                #expect(
                    !invalid[index].contains(place + 1) == one.isValid,
                    "\(one.file): \(one.title): \(one.data.prefix(200)) against \(one.schema.prefix(200))")
            }
            #expect(valid[index] + invalid[index].count == group.cases.count, "\(group.cases[0].file)")
        }
    }

    /// The keys of objects, in the order in which they occur.
    private static func keys(of lines: [String]) -> [String] {
        var keys: [String] = []
        for line in lines {
            let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
            for key in object?.keys.sorted() ?? [] where !keys.contains(key) { keys.append(key) }
        }
        return keys
    }
}
