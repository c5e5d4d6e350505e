import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Rows that were put aside, corrected and taken in.
@Suite("Quarantine", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct QuarantineTests {
    private static func project(checks: String = "[]") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: intake
            datasets:
              raw: {path: raw.csv, schema: raw.json}
              valid: {path: valid.csv}
              total: {path: total.csv}
            stages:
              validate: {type: validate, input: raw, output: valid, quarantine: aside.csv, checks: \(checks)}
              total: {type: sql, output: total, query: "select count(*) as n, sum(amount) as s from valid"}
            """)
        try project.write(
            "raw.json",
            #"{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "amount": {"type": "integer", "maximum": 50}}}"#
        )
        try project.write("raw.csv", "id,amount\n1,10\n2,many\n3,30\nbroken\n5,500\n")
        return project
    }

    @Test("Rows put aside are counted once, however often the stage was tried")
    func countedOnce() async throws {
        let project = try Self.project(checks: "[{row_count: {min: 2}}]")
        try project.write("raw.csv", "id,amount\n1,10\n2,many\n")
        let failed = try await project.caudal("run", "p.yaml", "--plain")
        #expect(failed.status == 1, "\(failed)")
        try project.write("raw.csv", "id,amount\n1,10\n2,many\n3,30\n")
        let retried = try await project.caudal("retry", "last", "--plain", "--yes")
        #expect(retried.status == 0 && retried.output.contains("1 quarantined"), "\(retried)")
        #expect(!retried.output.contains("2 quarantined"), "\(retried)")
        for verb in [["show"], ["report", "last"]] {
            let shown = try await project.caudal(verb)
            #expect(shown.output.contains("1 quarantined"), "\(shown)")
            #expect(!shown.output.contains("2 quarantined"), "\(shown)")
        }
        let rows = try await project.caudal(
            "sql", "select attempt, rows_quarantined from attempts where stage = 'validate' order by attempt",
            "--format", "csv")
        #expect(rows.lines == ["attempt,rows_quarantined", "1,1", "2,1"], "\(rows)")
    }

    @Test("A quarantine that is called as the output of its stage, in another folder, is a file of its own")
    func alikeNames() async throws {
        let project = try Self.project()
        let text = try project.read("p.yaml")
        try project.write("p.yaml", text.replacing("quarantine: aside.csv", with: "quarantine: aside/valid.csv"))
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        #expect(try project.read("valid.csv") == "id,amount\n1,10\n3,30\n")
        #expect(try project.read("aside/valid.csv").hasPrefix("file,row,line,column,rule,value,raw\n"))
    }

    @Test("Corrected rows come in once, what follows is made again, and the others stay aside")
    func replay() async throws {
        let project = try Self.project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        #expect(try project.read("total.csv") == "n,s\n2,40\n")
        let list = try await project.caudal("quarantine", "list")
        #expect(list.output.contains("validate") && list.output.contains("3 rows"), "\(list)")
        let show = try await project.caudal("quarantine", "show", "last", "validate")
        #expect(show.output.contains("raw.csv row 2") && show.output.contains("many"), "\(show)")
        let written = try await project.caudal("quarantine", "show", "last", "validate", "--to", "fix.csv")
        #expect(written.exit == .exited(0), "\(written)")
        #expect(
            try project.read("fix.csv")
                == "quarantine_file,quarantine_row,id,amount,quarantine_raw\nraw.csv,2,2,many,\nraw.csv,4,,,broken\nraw.csv,5,5,500,\n"
        )
        // One is mended, one is mended and still too large, one line is made up: its row was never invalid.
        try project.write(
            "fix.csv",
            "quarantine_file,quarantine_row,id,amount\nraw.csv,2,2,20\nraw.csv,4,4,400\nraw.csv,1,1,11\n")
        for _ in 1...2 {
            let replay = try await project.caudal(
                "quarantine", "replay", "last", "validate", "--fixed", "fix.csv", "--plain")
            #expect(replay.exit == .exited(0), "\(replay)")
            #expect(try project.read("valid.csv") == "id,amount\n1,10\n3,30\n2,20\n")
            #expect(try project.read("total.csv") == "n,s\n3,60\n")
        }
        let rows = try await project.query("SELECT \"row\", \"column\", value FROM 'aside.csv'")
        #expect(rows == ["4|amount|400", "5|amount|500"])
        #expect(try await project.caudal("quarantine", "list").output.contains("2 rows"))
        // The rule is mended: what was put aside comes in, the corrected rows among it.
        try project.write("raw.json", try project.read("raw.json").replacing("50", with: "450"))
        let rule = try await project.caudal("quarantine", "replay", "last", "validate", "--plain", "--yes")
        #expect(rule.exit == .exited(0), "\(rule)")
        #expect(try project.read("total.csv") == "n,s\n4,460\n")
    }

    @Test("A malformed line that was left as it was is no correction; corrected rows come in their order")
    func untouched() async throws {
        let project = try Self.project()
        try project.write(
            "raw.json",
            #"{"type": "object", "properties": {"id": {"type": "integer"}, "amount": {"type": "integer", "maximum": 50}}}"#
        )
        try project.write("raw.csv", "id,amount\n1,10\n2,many\n3,30\nbroken\n5,7,extra\n6,x\n7,y\n")
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        #expect(try await project.caudal("quarantine", "show", "last", "validate", "--to", "fix.csv").status == 0)
        let fixed = try project.read("fix.csv").replacing("2,many", with: "2,20").replacing("6,x", with: "6,40")
        try project.write("fix.csv", fixed.replacing("7,y", with: "7,50"))
        let replay = try await project.caudal(
            "quarantine", "replay", "last", "validate", "--fixed", "fix.csv", "--plain")
        #expect(replay.exit == .exited(0), "\(replay)")
        #expect(try project.read("valid.csv") == "id,amount\n1,10\n3,30\n2,20\n6,40\n7,50\n")
        let aside = try project.read("aside.csv")
        #expect(aside.contains("broken") && aside.contains("5,7,extra"), "\(aside)")
    }

    @Test("Rows of JSON are corrected as JSON, with the keys and types that each has")
    func replayJSON() async throws {
        let project = try Self.project()
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing("raw.csv", with: "raw.jsonl").replacing(
                "aside.csv", with: "aside.parquet"))
        try project.write(
            "raw.jsonl",
            #"{"id": 1, "amount": 10}\#n{"id": 2, "amount": "many"}\#n{"id": 3, "amount": 30}\#n{"id": 4\#n{"id": 5, "amount": 500}\#n[6]\#n"#
        )
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        #expect(try project.read("total.csv") == "n,s\n2,40\n")
        let written = try await project.caudal("quarantine", "show", "last", "validate", "--to", "fix.csv")
        #expect(written.exit == .exited(0), "\(written)")
        #expect(
            try project.read("fix.csv") == """
                quarantine_file,quarantine_row,json
                raw.jsonl,2,"{""id"": 2, ""amount"": ""many""}"
                raw.jsonl,4,"{""id"": 4"
                raw.jsonl,5,"{""id"": 5, ""amount"": 500}"
                raw.jsonl,6,[6]

                """)
        // Two are mended, one is still too large, one is no JSON still.
        try project.write(
            "fix.csv",
            """
            quarantine_file,quarantine_row,json
            raw.jsonl,2,"{""id"": 2, ""amount"": 20}"
            raw.jsonl,4,"{""id"": 4, ""amount"": 4}"
            raw.jsonl,5,"{""id"": 5, ""amount"": 400}"
            raw.jsonl,6,"{""id"": 6"

            """)
        for _ in 1...2 {
            let replay = try await project.caudal(
                "quarantine", "replay", "last", "validate", "--fixed", "fix.csv", "--plain")
            #expect(replay.exit == .exited(0), "\(replay)")
            #expect(try project.read("total.csv") == "n,s\n4,64\n")
        }
        let rows = try await project.query("SELECT \"row\", rule, raw FROM 'aside.parquet'")
        #expect(rows == [#"5|maximum: 50|{"id": 5, "amount": 400}"#, #"6|malformed line: no json|{"id": 6"#])
    }

    @Test("A file that says nothing of where its rows belong is refused, and changes nothing")
    func wrongFile() async throws {
        let project = try Self.project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        try project.write("fix.csv", "id,amount\n2,20\n")
        let replay = try await project.caudal("quarantine", "replay", "last", "validate", "--fixed", "fix.csv")
        #expect(replay.exit == .exited(1))
        #expect(replay.errors.contains("fix.csv has no column 'quarantine_file'"), "\(replay)")
        #expect(try project.read("total.csv") == "n,s\n2,40\n")
    }

    @Test(
        "What a stage put aside can be seen and corrected when that made it fail",
        arguments: ["max_invalid: 2", "on_invalid: fail"])
    func failedStage(_ limit: String) async throws {
        let project = try Self.project()
        let file = try project.read("p.yaml")
        try project.write(
            "p.yaml",
            limit.contains("fail")
                ? file.replacing("quarantine: aside.csv", with: limit)
                : file.replacing("aside.csv", with: "aside.csv, \(limit)"))
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1) && run.output.contains("see the rows with 'caudal quarantine show"), "\(run)")
        #expect(!run.output.contains("staging"), "\(run)")
        let list = try await project.caudal("quarantine", "list")
        #expect(list.output.contains("3 rows") && list.output.contains("not published: the stage failed"), "\(list)")
        let show = try await project.caudal("quarantine", "show", "last", "validate")
        #expect(show.output.contains("raw.csv row 2") && show.output.contains("many"), "\(show)")
        #expect(show.errors.contains("not published: the stage failed"), "\(show)")
        let checks = try await project.caudal("checks", "last")
        #expect(checks.output.contains("3 of 5 rows are invalid"), "\(checks)")
        let written = try await project.caudal("quarantine", "show", "last", "validate", "--to", "fix.csv")
        #expect(written.exit == .exited(0), "\(written)")
        #expect(try project.read("fix.csv").contains("raw.csv,4,,,broken\n"))
        try project.write(
            "fix.csv",
            "quarantine_file,quarantine_row,id,amount\nraw.csv,2,2,20\nraw.csv,4,4,40\nraw.csv,5,5,50\n")
        let replay = try await project.caudal(
            "quarantine", "replay", "last", "validate", "--fixed", "fix.csv", "--plain")
        #expect(replay.exit == .exited(0), "\(replay)")
        #expect(try project.read("total.csv") == "n,s\n5,150\n")
        #expect(try await project.caudal("quarantine", "list").output.contains("quarantined no rows"))
    }

    @Test("Corrections never replace rows of an input that was changed since", arguments: [true, false])
    func changedInput(isDry: Bool) async throws {
        let project = try Self.project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        try project.write("fix.csv", "quarantine_file,quarantine_row,id,amount\nraw.csv,2,2,20\n")
        try project.write("raw.csv", "id,amount\n1,10\n7,lots\n")
        let dry = isDry ? ["--dry-run"] : []
        let replay = try await project.run(
            CaudalProject.program, ["quarantine", "replay", "last", "validate", "--fixed", "fix.csv", "--plain"] + dry)
        #expect(replay.exit == .exited(1), "\(replay)")
        #expect(replay.errors.contains("raw.csv has changed since run"), "\(replay)")
        #expect(replay.errors.contains("put the file back"), "\(replay)")
        #expect(try project.read("valid.csv") == "id,amount\n1,10\n3,30\n")
        #expect(!(try project.read("aside.csv")).contains("lots"))
    }

    @Test("A retry passes corrections over that were made for another input")
    func changedInputOfRetry() async throws {
        let project = try Self.project()
        #expect(try await project.caudal("run", "p.yaml", "--plain").exit == .exited(0))
        try project.write("fix.csv", "quarantine_file,quarantine_row,id,amount\nraw.csv,2,2,20\n")
        let replay = try await project.caudal(
            "quarantine", "replay", "last", "validate", "--fixed", "fix.csv", "--plain")
        #expect(replay.exit == .exited(0), "\(replay)")
        try project.write("raw.csv", "id,amount\n1,10\n7,lots\n")
        let retry = try await project.caudal("retry", "last", "validate", "--downstream", "--plain", "--yes")
        #expect(retry.exit == .exited(0), "\(retry)")
        #expect(try project.read("valid.csv") == "id,amount\n1,10\n")
        #expect(try project.read("aside.csv").contains("lots"))
        let logs = try await project.caudal("logs")
        #expect(logs.output.contains("1 file of corrected rows passed over"), "\(logs)")
    }

    @Test("Corrected rows keep what is no value apart from an empty text")
    func emptyTexts() async throws {
        let project = try Self.project()
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing("raw.json}", with: "raw.json, csv: {\"null\": [NA]}}"))
        try project.write("raw.json", #"{"properties": {"id": {"type": "integer"}, "amount": {"type": "integer"}}}"#)
        try project.write("raw.csv", "id,name,amount\n1,,10\n2,,lots\n3,NA,few\n")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        let shown = try await project.caudal("quarantine", "show", "last", "validate", "--to", "fix.csv")
        #expect(shown.status == 0, "\(shown)")
        let fixed = try project.read("fix.csv").replacing("lots", with: "20").replacing("few", with: "\"\"")
        try project.write("fix.csv", fixed)
        let replay = try await project.caudal(
            "quarantine", "replay", "last", "validate", "--fixed", "fix.csv", "--plain")
        #expect(replay.status == 0, "\(replay)")
        #expect(try project.read("valid.csv") == "id,name,amount\n1,\"\",10\n2,\"\",20\n3,,\n")
    }

    @Test("Rows whose columns are called as those of a file of corrections are not exported")
    func takenNames() async throws {
        let project = try Self.project()
        try project.write("raw.csv", "id,quarantine_row,amount\n1,7,10\n2,8,lots\n")
        let ran = try await project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        let shown = try await project.caudal("quarantine", "show", "last", "validate", "--to", "fix.csv")
        #expect(shown.status == 1 && shown.errors.contains("'raw' has a column 'quarantine_row'"), "\(shown)")
        #expect(!project.exists("fix.csv"))
    }
}
