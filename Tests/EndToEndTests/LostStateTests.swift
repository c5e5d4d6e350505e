import CaudalModel
import Engine
import Foundation
import GRDB
import TestSupport
import Testing

/// What is left of a run's folder is never taken for the whole of it.
@Suite("Lost and damaged files of a run", .timeLimit(.minutes(10)))
struct LostStateTests {
    /// What may have become of a file.
    enum Damage: String, CaseIterable { case gone, empty, cut, garbage, folder, pipe }

    private static func damage(_ file: String, _ damage: Damage, in project: CaudalProject) throws {
        let path = project.folder.path(file)
        let text = try project.read(file)
        try FileManager.default.removeItem(atPath: path)
        switch damage {
        case .gone: break
        case .empty: try project.write(file, "")
        case .cut: try project.write(file, String(text.prefix(text.count / 2)))
        case .garbage: try project.write(file, "\u{1}\u{2} no text of caudal")
        case .pipe: #expect(mkfifo(path, 0o600) == 0)
        case .folder: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
    }

    private static func file(_ name: String, of project: CaudalProject) throws -> String {
        try #require(project.files(in: ".caudal/runs").first { $0.hasSuffix(name) }).prefixed(".caudal/runs/")
    }

    @Test("Without its secret parameters no run is taken up", arguments: Damage.allCases)
    func parameters(_ damage: Damage) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: again
            params: {api_key: {type: string}, day: {type: string, default: monday}}
            stages:
              hold: {type: command, run: 'test -e open'}
              use: {type: command, needs: hold, run: 'printf %s "$CAUDAL_PARAM_API_KEY" > used.txt'}
            """)
        _ = try await project.caudal("run", "p.yaml", "--param", "api_key=s3cr3t-value")
        try project.write("open", "")
        try Self.damage(try Self.file("parameters.json", of: project), damage, in: project)
        for verb in [["retry", "last"], ["retry", "last", "--as-started"], ["resume", "last"]] {
            let answer = try await project.caudal(verb)
            #expect(answer.status != 0, "\(verb): \(answer)")
            #expect(project.text("used.txt") == nil)
        }
        let retry = try await project.caudal("retry", "last")
        #expect(
            retry.errors.contains("the secret value of the parameter api_key is lost")
                && retry.errors.contains("parameters.json") && retry.errors.contains("--param api_key=…"), "\(retry)")
        #expect(try await project.caudal("show").output.contains("api_key=••••"))
    }

    @Test("A value with dots of its own is a value")
    func ownDots() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: dots
            params: {label: {type: string}}
            stages: {a: {type: command, run: 'printf %s "$CAUDAL_PARAM_LABEL" > used.txt; test -e open'}}
            """)
        _ = try await project.caudal("run", "p.yaml", "--param", "label=a••••b")
        try project.write("open", "")
        #expect(try await project.caudal("retry", "last").status == 0)
        #expect(try project.read("used.txt") == "a••••b")
    }

    @Test("A part of the kept pipeline is not the run's pipeline", arguments: Damage.allCases)
    func pipeline(_ damage: Damage) async throws {
        let project = try CaudalProject(copying: [])
        let text = """
            version: 1
            name: kept
            stages:
              hold: {type: command, run: 'test -e open'}
              second: {type: command, needs: hold, run: 'touch second'}
              third: {type: command, needs: hold, run: 'touch third'}

            """
        try project.write("p.yaml", text)
        _ = try await project.caudal("run", "p.yaml")
        try project.write("open", "")
        let kept = try Self.file("pipeline.yaml", of: project)
        if damage == .cut {
            try project.write(
                kept, text.replacing("  third: {type: command, needs: hold, run: 'touch third'}\n", with: ""))
        } else {
            try Self.damage(kept, damage, in: project)
        }
        let retry = try await project.caudal("retry", "last", "--as-started", "--yes")
        #expect(retry.status != 0 && retry.errors.contains("pipeline.yaml"), "\(retry)")
        #expect(project.text("second") == nil)
        // The file itself is what it was, and needs nothing that was kept.
        #expect(try await project.caudal("retry", "last").status == 0)
        #expect(project.text("third") != nil)
    }

    @Test("A schema that was kept and is lost is not read where it lies")
    func schema() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: schemas
            datasets: {raw: {path: raw.csv, schema: raw.json}, valid: {path: valid.csv}}
            stages:
              hold: {type: command, run: 'test -e open'}
              validate: {type: validate, needs: hold, input: raw, output: valid, quarantine: aside.csv}
            """)
        try project.write("raw.csv", "id\n1\n2\n")
        try project.write("raw.json", #"{"type": "object", "properties": {"id": {"type": "integer"}}}"#)
        _ = try await project.caudal("run", "p.yaml")
        try project.write("open", "")
        try project.write("raw.json", #"{"type": "object", "properties": {"id": {"type": "integer", "maximum": 1}}}"#)
        let kept = try Self.file("schema.raw.json", of: project)
        let text = try project.read(kept)
        try Self.damage(kept, .gone, in: project)
        let lost = try await project.caudal("retry", "last", "--as-started")
        #expect(lost.status != 0 && lost.errors.contains("schema.raw.json is lost"), "\(lost)")
        try project.write(kept, text)
        let retry = try await project.caudal("retry", "last", "--as-started")
        #expect(retry.status == 0, "\(retry)")
        #expect(try project.read("valid.csv") == "id\n1\n2\n")
    }

    @Test("Corrected rows that are lost are missed", arguments: Damage.allCases)
    func corrections(_ damage: Damage) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: intake
            datasets: {raw: {path: raw.csv, schema: raw.json}, valid: {path: valid.csv}}
            stages: {validate: {type: validate, input: raw, output: valid, quarantine: aside.csv}}
            """)
        try project.write("raw.json", #"{"type": "object", "properties": {"amount": {"type": "integer"}}}"#)
        try project.write("raw.csv", "amount\n10\nmany\nmore\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        try project.write(
            "fix.csv", "quarantine_file,quarantine_row,amount\nraw.csv,2,20\nraw.csv,3,30\n")
        let replay = try await project.caudal("quarantine", "replay", "last", "validate", "--fixed", "fix.csv")
        #expect(replay.status == 0, "\(replay)")
        let valid = try project.read("valid.csv")
        #expect(valid.contains("20") && valid.contains("30"))
        let folder = try #require(project.files(in: ".caudal/runs").first { $0.hasSuffix("0001.csv") })
        let file = ".caudal/runs/" + folder
        if damage == .folder {
            try FileManager.default.removeItem(atPath: PathText.folder(of: project.folder.path(file)))
        } else {
            try Self.damage(file, damage, in: project)
        }
        let retry = try await project.caudal("retry", "last", "validate", "--yes")
        #expect(retry.status == 1 && retry.output.contains("corrected rows are lost"), "\(retry)")
        #expect(try project.read("valid.csv") == valid)
    }

    @Test("Columns that were recorded and cannot be read are no sign that nothing changed")
    func shapes() async throws {
        let project = try CaudalProject(copying: [])
        func pipeline(_ rule: String) -> String {
            """
            version: 1
            name: drift
            datasets: {raw: {path: raw.csv, on_drift: \(rule)}, out: {path: out.csv}}
            stages: {a: {type: sql, output: out, query: "select * from raw"}}
            """
        }
        try project.write("p.yaml", pipeline("warn"))
        try project.write("raw.csv", "a,b\n1,2\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        try await DatabaseQueue(path: project.folder.path(".caudal/caudal.db")).write { db in
            try db.execute(sql: "UPDATE shapes SET columns = '[{'")
        }
        try project.write("p.yaml", pipeline("fail"))
        let failed = try await project.caudal("run", "p.yaml")
        #expect(failed.status == 1 && failed.output.contains("whether the columns of 'raw' have changed"), "\(failed)")
        try project.write("p.yaml", pipeline("warn"))
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        #expect(try await project.caudal("logs").output.contains("whether the columns of 'raw' have changed"))
        try project.write("p.yaml", pipeline("fail"))
        #expect(try await project.caudal("run", "p.yaml").status == 0)
    }

    @Test("Versions that cannot be given back are told of, and the record says what is there")
    func versions() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: v\ndatasets: {out: {path: out.csv}}\n"
                + "stages: {a: {type: command, output: out, run: 'date +%N > $CAUDAL_OUTPUT'}}\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        // Its lock cannot be taken.
        let run = try #require(project.files(in: ".caudal/runs").first?.split(separator: "/").first.map(String.init))
        let lock = ".caudal/runs/\(run)/lock"
        try FileManager.default.removeItem(atPath: project.folder.path(lock))
        try FileManager.default.createDirectory(atPath: project.folder.path(lock), withIntermediateDirectories: false)
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let logs = try await project.caudal("logs")
        #expect(logs.output.contains("versions that nobody needs any more were not given back"), "\(logs)")
        let kept = try await DatabaseQueue(path: project.folder.path(".caudal/caudal.db")).read { db in
            try Int.fetchOne(db, sql: "SELECT count(kept) FROM artifacts")
        }
        #expect(kept == 2)
        let version = try #require(project.files(in: ".caudal/runs/\(run)/versions").first)
        #expect(project.text(".caudal/runs/\(run)/versions/\(version)") != nil)
        try FileManager.default.removeItem(atPath: project.folder.path(lock))
        #expect(try await project.caudal("prune", "--keep-versions", "1").status == 0)
        #expect(project.files(in: ".caudal/runs/\(run)/versions").isEmpty)
    }
}

extension String {
    fileprivate func prefixed(_ text: String) -> String { text + self }
}
