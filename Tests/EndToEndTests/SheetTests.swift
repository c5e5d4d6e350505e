import Foundation
import TestSupport
import Testing

@Suite(
    "Sheets of Excel files", .timeLimit(.minutes(5)),
    .enabled(if: Sheets.isThere, "'./scripts/setup.sh tests' installs what writes Excel files"))
struct SheetTests {
    /// A project with one of the files, and a stage that reads it.
    private func project(
        _ name: String, excel: String? = nil, stage: String = "{type: process, input: rows, output: got}"
    ) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try await Sheets.write(name, to: project.folder.path("rows.xlsx"))
        try write(project, excel: excel, stage: stage)
        return project
    }

    private func write(
        _ project: CaudalProject, path: String = "rows.xlsx", excel: String?,
        stage: String = "{type: process, input: rows, output: got}", output: String = "got.csv"
    ) throws {
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            datasets:
              rows: {path: "\(path)"\(stage.contains("validate") ? ", schema: schema.json" : "")\(excel.map { ", excel: {\($0)}" } ?? "")}
              got: {path: \(output)}
            stages:
              read: \(stage)
            """)
    }

    /// Runs the project, which must succeed, and gives what it wrote.
    private func got(_ project: CaudalProject) async throws -> String {
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        return project.text("got.csv") ?? ""
    }

    /// What the program says when it does not get so far.
    private func fault(_ project: CaudalProject) async throws -> String {
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status != 0, "\(ran)")
        return "\(ran)"
    }

    @Test("Cells are read as what they hold, and what cannot be read is quarantined with the sheet's row numbers")
    func validated() async throws {
        let project = try await project(
            "orders", excel: "sheet: Orders",
            stage: "{type: validate, input: rows, output: got, quarantine: bad.csv}")
        try project.write(
            "schema.json",
            #"{"type": "object", "properties": {"id": {"type": "integer"}, "day": {"type": "string", "format": "date"}, "#
                + #""amount": {"type": "number"}, "paid": {"type": "boolean"}}}"#)
        #expect(
            try await got(project)
                == "id,day,amount,note,paid,at,took\n1,2026-01-05,1.1,007,true,10:30:00,30:00:00\n3,1900-01-01,12.5,Größe,,,\n"
        )
        #expect(
            try await project.query(
                "select line, row, \"column\", rule, value from read_csv('bad.csv', all_varchar = true) order by line::int"
            ) == [
                "3|2|day|format: date|2026-01-06T12:30:15", "6|4|NULL|malformed line: a cell with an error|NULL",
                "7|5|NULL|malformed line: too many columns|NULL",
                "9|6|NULL|malformed line: a time that there was not|NULL",
                "10|7|NULL|malformed line: a formula without a value|NULL",
                "11|8|NULL|malformed line: a cell with an error|NULL",
            ])
        #expect(
            try await project.query("select raw from 'bad.csv' where line in (6, 7, 10) order by line") == [
                "4,,#DIV/0!,x,,,", "5,,5,far,,,,,,beyond", "7,,=1+1,,,,",
            ])
    }

    @Test("Other stages fail at such a row, whose errors may be said to stand for no value")
    func unvalidated() async throws {
        let project = try await project("orders", excel: "sheet: Orders, range: \"A1:G9\"")
        let told = try await fault(project)
        #expect(told.contains("row 6 of rows.xlsx cannot be read: it has a cell with an error"), "\(told)")
        try write(project, excel: "sheet: orders, range: \"A1:D8\", null: [\"#DIV/0!\", x]")
        #expect(
            try await got(project)
                == "id,day,amount,note\n1,2026-01-05,1.1,007\n2,2026-01-06T12:30:15,0.3,\" a \"\"b\"\",\nc \"\n"
                + "3,1900-01-01,12.5,Größe\n4,,,\n5,,5,far\n")
    }

    @Test("A sheet is named where there are several, and a wrong name is told with those that there are")
    func names() async throws {
        let project = try await project("orders")
        let several = try await fault(project)
        #expect(several.contains("rows.xlsx has 2 sheets: 'Orders', 'Other'"), "\(several)")
        #expect(several.contains("p.yaml:4:17: error: rows.xlsx has"), "\(several)")
        try write(project, excel: "sheet: Ordres")
        let wrong = try await fault(project)
        #expect(wrong.contains("rows.xlsx has no sheet 'Ordres'; did you mean 'Orders'?"), "\(wrong)")
        #expect(wrong.contains("its sheets are 'Orders', 'Other'"), "\(wrong)")
        // That is known before anything runs, and told where the name stands.
        let told = try await project.caudal("validate", "p.yaml")
        #expect(
            told.status == 2 && "\(told)".contains("p.yaml:4:44: error: rows.xlsx has no sheet 'Ordres'"), "\(told)")
        try write(project, excel: "sheet: Orders")
        #expect(try await project.caudal("validate", "p.yaml").status == 0)
    }

    @Test("The SQL that is printed of a stage names a copy of the cells, and does with it what the stage does")
    func explained() async throws {
        let project = try await project("titled", excel: "range: \"B3:D5\"")
        let rows = try await got(project)
        let explained = try await project.caudal("explain", "p.yaml", "read")
        #expect(explained.status == 0, "\(explained)")
        #expect(
            explained.output.contains("copies/rows.csv is a copy of cells B4:D5 of sheet 'Sheet' of rows.xlsx"),
            "\(explained)")
        #expect(
            !explained.output.contains("read_csv(['rows.xlsx']") && !explained.output.contains("read_csv('rows.xlsx'"))
        // What the comment says is done by hand: the rows of the process stage are put there.
        try FileManager.default.createDirectory(
            atPath: project.folder.path("copies"), withIntermediateDirectories: true)
        try project.write("copies/rows.csv", rows)
        try FileManager.default.removeItem(atPath: project.folder.path("got.csv"))
        try project.write("explained.sql", explained.output)
        _ = try await project.run(Repository.path(".tools/duckdb/duckdb_cli/duckdb"), ["-f", "explained.sql"])
        #expect(project.text("got.csv") == rows, "\(explained)")
    }

    @Test("What is written in other ways is the same: CDATA, ISO 8601, conditions of formats, blanks")
    func spelled() async throws {
        #expect(
            try await got(try await project("spelled"))
                == "v\na<b & c\nx<&>y\n😀\n-06:00:00\n2026-01-05\n0\n2026-01-05\n2026-01-05T12:30:00\ntrue\n5\na]]>b\n")
    }

    @Test("A table below a title begins where the range says; what is beside and below it is left out")
    func ranges() async throws {
        let project = try await project("titled")
        let told = try await fault(project)
        #expect(told.contains("row 3 of rows.xlsx cannot be read: it has too many columns"), "\(told)")
        try write(project, excel: "range: \"B2\"")
        let empty = try await fault(project)
        #expect(empty.contains("row 2 of sheet 'Sheet' of rows.xlsx, which should be its header, is empty"), "\(empty)")
        #expect(empty.contains("excel: {range: B3}"), "\(empty)")
        try write(project, excel: "range: \"B3:D5\"")
        #expect(try await got(project) == "region,2025,2026\nnorth,1,2\nsouth,3,\n")
        try write(project, excel: "range: \"$B$4:$D$5\", header: false, columns: [place, before, now]")
        #expect(try await got(project) == "place,before,now\nnorth,1,2\nsouth,3,\n")
        try write(project, excel: "range: \"B3:C\", columns: [place, before]")
        #expect(try await got(project) == "place,before\nnorth,1\nsouth,3\nsum,4\n")
    }

    @Test("A header of merged cells is refused; merged cells among the rows are told of")
    func merged() async throws {
        let project = try await project("merged")
        let told = try await fault(project)
        #expect(told.contains("in the header of sheet 'Sheet' of rows.xlsx are merged"), "\(told)")
        #expect(told.contains("excel: {range: A3, header: false, columns: […]}"), "\(told)")
        try write(project, excel: "range: A3, header: false, columns: [region, y2025, y2026]")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect("\(ran)".contains("cells A3:A4 of sheet 'Sheet' of rows.xlsx are merged"), "\(ran)")
        #expect(try project.read("got.csv") == "region,y2025,y2026\nnorth,1,2\n,3,4\n")
    }

    @Test("A formula that nobody has calculated has no value, whatever stands in the file")
    func formulas() async throws {
        let project = try await project("to_be_calculated")
        let told = try await fault(project)
        #expect(told.contains("row 2 of rows.xlsx cannot be read: it has a formula without a value"), "\(told)")
    }

    @Test("What Excel itself writes is read as it shows it")
    func office() async throws {
        let project = try await project("office", excel: "null: \"#N/A\"")
        #expect(
            try await got(project)
                == "n,text,made\n1.1,bold & plain,2026-01-05\n1e+20,,2026-01-05T12:00:00\n,\"a\rb_x0041_\",\n")
        try write(project, excel: "sheet: Chart")
        let told = try await fault(project)
        #expect(told.contains("'Chart' of rows.xlsx is no sheet with cells"), "\(told)")
    }

    @Test("Days of old Macs, and more rows than are read at once")
    func others() async throws {
        #expect(try await got(try await project("old_mac")) == "day\n2026-01-05\n")
        let long = try await project("long")
        _ = try await got(long)
        #expect(
            try await long.query("select count(*), max(name), sum(id) from 'got.csv'") == [
                "20000|name 9999 <&> ü|200010000"
            ])
    }

    @Test(
        "Files that are damaged, encrypted, in disorder or no Excel files are refused",
        arguments: ["disordered", "hostile"])
    func faults(name: String) async throws {
        let project = try await project(name)
        let told = try await fault(project)
        #expect(
            told.contains(name == "hostile" ? "it declares a document type" : "row 2 stands behind row 3"), "\(told)")
        let whole = try Data(contentsOf: URL(filePath: project.folder.path("rows.xlsx")))
        try project.folder.write("rows.xlsx", whole.dropLast(100))
        let cut = try await fault(project)
        #expect(cut.contains("rows.xlsx is damaged or cut off"), "\(cut)")
        try project.folder.write(
            "rows.xlsx", Data([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) + Data(count: 600))
        let old = try await fault(project)
        #expect(old.contains("is encrypted, or an Excel file of before 2007"), "\(old)")
        try project.write("rows.xlsx", "id,name\n" + String(repeating: "1,a\n", count: 20))
        let text = try await fault(project)
        #expect(text.contains("rows.xlsx is no Excel file that can be read"), "\(text)")
    }

    @Test("Damage inside of a file is noticed")
    func damage() async throws {
        let project = try await project("long")
        var bytes = try Data(contentsOf: URL(filePath: project.folder.path("rows.xlsx")))
        bytes[bytes.count / 2] ^= 0x10
        try project.folder.write("rows.xlsx", bytes)
        let told = try await fault(project)
        // What is unpacked of it is no sheet any more, which may be noticed before its checksum is.
        let words = ["rows.xlsx is damaged or cut off", "cannot be read", "is in disorder"]
        #expect(words.contains(where: told.contains), "\(told)")
    }

    @Test("Several files are united by name, and a stage divides their rows")
    func several() async throws {
        let project = try CaudalProject(copying: [])
        try FileManager.default.createDirectory(
            atPath: project.folder.path("in"), withIntermediateDirectories: true)
        try await Sheets.write("old_mac", to: project.folder.path("in/a.xlsx"))
        try await Sheets.write("orders", to: project.folder.path("in/b.xlsx"))
        try write(project, path: "in/*.xlsx", excel: "sheet: Sheet1")
        let told = try await fault(project)
        #expect(told.contains("in/b.xlsx has no sheet 'Sheet1'; its sheets are '"), "\(told)")
        try FileManager.default.removeItem(atPath: project.folder.path("in/b.xlsx"))
        try FileManager.default.copyItem(
            atPath: project.folder.path("in/a.xlsx"), toPath: project.folder.path("in/c.xlsx"))
        try write(
            project, path: "in/*.xlsx", excel: nil,
            stage:
                "{type: process, input: rows, output: got, foreach: {day: {sql: \"select distinct day from rows\"}}}",
            output: "\"got/${item.day}.csv\"")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("got/2026-01-05.csv") == "day\n2026-01-05\n2026-01-05\n")
    }

    @Test("A profile reads a sheet")
    func profile() async throws {
        let project = try await project("old_mac")
        let told = try await project.caudal("profile", "rows.xlsx")
        #expect(told.status == 0 && told.output.contains("2026-01-05"), "\(told)")
    }

    @Test(
        "What cannot be meant is refused at its place",
        arguments: [
            ("rows.csv", "sheet: a", "got.csv", "'excel' can only be given for an Excel file"),
            ("rows.xlsx", "range: B", "got.csv", "'B' is no range of cells"),
            ("rows.xlsx", "range: \"C3:B9\"", "got.csv", "'C3:B9' is no range of cells"),
            ("rows.xlsx", "header: false", "got.csv", "a sheet without a header needs 'columns'"),
            ("rows.xlsx", "sheets: a", "got.csv", "'excel' has no key 'sheets'; did you mean 'sheet'"),
            ("rows.xlsx", "columns: [a, A]", "got.csv", "'columns' cannot be used"),
            ("rows.xlsx", "sheet: a", "got.xlsx", "'read' writes 'got', and Excel files are only read"),
        ])
    func rules(path: String, excel: String, output: String, message: String) async throws {
        let project = try CaudalProject(copying: [])
        try write(project, path: path, excel: excel, output: output)
        let told = try await "\(project.caudal("validate", "p.yaml"))"
        #expect(told.contains(message), "\(told)")
    }
}
