import CaudalModel
import Engine
import Foundation
import GRDB
import TestSupport
import Testing

/// Loads into a SQLite file and reads from it.
@Suite("SQLite", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct SQLiteLoadTests {
    private static func project(_ mode: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: local
            connections: {local: {type: sqlite, path: shop.db}}
            datasets:
              rows: {path: in.parquet}
              sales: {connection: local, table: sales}
              back: {path: back.csv}
            stages:
              load: {type: load, input: rows, output: sales, \(mode)}
              back: {type: sql, output: back, query: select * from sales order by id}
            """)
        try await rows(100, in: project)
        return project
    }

    private static func rows(_ count: Int, from first: Int = 1, name: String = "n", in project: CaudalProject)
        async throws
    {
        _ = try await project.query(
            """
            COPY (SELECT i AS id, '\(name)' || i AS name, i * 0.5 AS amount, DATE '2026-01-01' + i::INT AS day
            FROM range(\(first), \(first + count)) AS r(i)) TO 'in.parquet' (FORMAT parquet)
            """)
    }

    @Test("Rows come back as they went; dates as texts, since SQLite has none")
    func replace() async throws {
        let project = try await Self.project("mode: replace")
        for _ in 1...2 {
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit == .exited(0), "\(run)")
            #expect(try project.read("back.csv").split(separator: "\n").count == 101)
        }
        #expect(try project.read("back.csv").hasPrefix("id,name,amount,day\n1,n1,0.5,2026-01-02\n"))
    }

    @Test(
        "Times of a table are read from texts, and what could be another time is refused with its column",
        arguments: [
            ("datetime", "'2024-01-01 10:00:00'", "d\n2024-01-01T10:00:00\n"),
            ("timestamp", "'2024-01-01 10:00:00'), (null", "d\n2024-01-01T10:00:00\n\n"),
            ("time", nil, "d\n"), ("time", "'10:00:00'), (null), ('23:59:59.25'", "d\n10:00:00\n\n23:59:59.25\n"),
            ("TIME(3)", "'10:00'", "d\n10:00\n"),
            ("timestamp(6)", "'2024-01-01 10:00:00'", "d\n2024-01-01T10:00:00\n"),
            ("time", "36000", "column 'd' of the table 'seen' has 1 row with numbers"),
            ("date", "'2024-01-01'", "d\n2024-01-01\n"),
            ("date", "20240101", "column 'd' of the table 'seen' has 1 row with numbers"),
            ("date", "2460310.5", "1 row with numbers"), ("datetime", "1704103200000", "1 row with numbers"),
            ("date", "'2024-01-01 10:00'", "1 row with a time of day"),
            ("date", "'nope'", "1 row with texts that are no date"),
            ("datetime", "'infinity'", "1 row with texts that are no time"),
            ("datetime", "'2024-01-05T10:00:00Z'", "1 row with times with a zone"),
            ("timestamp", "'2024-01-05 10:00:00.5 UTC'", "1 row with times with a zone"),
        ] as [(String, String?, String)])
    func times(type: String, value: String?, expected: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: times
            connections: {local: {type: sqlite, path: shop.db}}
            datasets: {seen: {connection: local, table: seen}, o: {path: o.csv}}
            stages: {p: {type: process, input: seen, output: o}}
            """)
        var script = "CREATE TABLE seen (d \(type));"
        if let value { script += "INSERT INTO seen VALUES (\(value));" }
        let statements = script
        try await DatabaseQueue(path: project.folder.path("shop.db")).write { try $0.execute(sql: statements) }
        let run = try await project.caudal("run", "p.yaml", "--plain")
        if expected.hasPrefix("d\n") {
            #expect(run.exit == .exited(0), "\(run)")
            #expect(try project.read("o.csv") == expected)
        } else {
            #expect(run.exit == .exited(1) && run.output.contains(expected), "\(run)")
        }
    }

    @Test("Beside a time of day, other values are read as they are, in the order of the rows")
    func timeOfDay() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: times
            connections: {local: {type: sqlite, path: shop.db}}
            datasets: {seen: {connection: local, table: seen}, o: {path: o.csv}}
            stages: {p: {type: process, input: seen, output: o}}
            """)
        try await DatabaseQueue(path: project.folder.path("shop.db")).write {
            try $0.execute(
                sql: """
                    CREATE TABLE seen (x real, "at ""noon\""" time, n integer, d date);
                    INSERT INTO seen VALUES (0.1 + 0.2, '12:00', 9007199254740993, '2024-01-01'), (1, NULL, NULL, NULL);
                    DELETE FROM seen WHERE x = 1; INSERT INTO seen VALUES (2, '11:00:00', 1, '2024-01-02');
                    CREATE TABLE bare (id integer PRIMARY KEY, t time) WITHOUT ROWID; INSERT INTO bare VALUES (1, '10:00');
                    """)
        }
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(
            try project.read("o.csv")
                == "x,\"at \"\"noon\"\"\",n,d\n0.30000000000000004,12:00,9007199254740993,2024-01-01\n2.0,11:00:00,1,2024-01-02\n"
        )
        try project.write("p.yaml", try project.read("p.yaml").replacing("table: seen", with: "table: bare"))
        let bare = try await project.caudal("run", "p.yaml", "--plain")
        #expect(bare.status == 0, "\(bare)")
        #expect(try project.read("o.csv") == "id,t\n1,10:00\n")
    }

    /// A pipeline that copies `seen` of an SQLite database, which a script makes.
    private static func copying(_ script: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: copying
            connections: {local: {type: sqlite, path: shop.db}}
            datasets: {seen: {connection: local, table: seen}, o: {path: o.csv}, p: {path: o.parquet}}
            stages:
              csv: {type: process, input: seen, output: o}
              parquet: {type: process, input: seen, output: p}
            """)
        try await DatabaseQueue(path: project.folder.path("shop.db")).write { try $0.execute(sql: script) }
        return project
    }

    @Test("A view has the rows that SQLite gives it, with the types of its values")
    func views() async throws {
        let project = try await Self.copying(
            """
            CREATE TABLE t (id integer, name text COLLATE NOCASE, x real, seen integer, day date);
            INSERT INTO t VALUES (1, 'Abc', 0.1, 1700000000, '2024-01-31'), (3, 'abd', 1e308, NULL, NULL);
            CREATE VIEW seen AS SELECT id, id / 2 AS half, name = 'ABC' AS same, name LIKE 'AB%' AS alike, x, x / 3 AS third,
                datetime(seen, 'unixepoch') AS at, date(day, '+1 month') AS later, day, printf('%05d', id) AS code,
                CASE id WHEN 1 THEN 7 ELSE 0.5 END AS some, CASE id WHEN 1 THEN 7 ELSE 'x' END AS mixed, NULL AS empty
              FROM t ORDER BY id DESC;
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(
            try project.read("o.csv") == """
                id,half,same,alike,x,third,at,later,day,code,some,mixed,empty
                3,1,0,1,1e+308,3.333333333333333e+307,,,,00003,0.5,x,
                1,0,1,1,0.1,0.03333333333333333,2023-11-14 22:13:20,2024-03-02,2024-01-31,00001,7.0,7,

                """)
        let types = try await project.query("SELECT string_agg(column_type, ' ') FROM (DESCRIBE FROM 'o.parquet')")
        #expect(
            types.contains(
                "BIGINT BIGINT BIGINT BIGINT DOUBLE DOUBLE VARCHAR VARCHAR DATE VARCHAR DOUBLE VARCHAR VARCHAR"),
            "\(types)")
    }

    @Test("Generated columns are read, and columns without a declared type have that of their values")
    func generatedColumns() async throws {
        let project = try await Self.copying(
            """
            CREATE TABLE seen (a integer, twice integer GENERATED ALWAYS AS (a * 2), name text AS ('n' || a) STORED, x, y, z, b blob);
            INSERT INTO seen (a, x, y, z, b) VALUES (1, 'text', 9007199254740993, x'00ff', x'0a'), (2, 'more', NULL, NULL, NULL);
            """)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(
            try project.read("o.csv")
                == "a,twice,name,x,y,z,b\n1,2,n1,text,9007199254740993,\\x00\\xFF,\\x0A\n2,4,n2,more,,,\n")
        let types = try await project.query("SELECT string_agg(column_type, ' ') FROM (DESCRIBE FROM 'o.parquet')")
        #expect(types.contains("BIGINT BIGINT VARCHAR VARCHAR BIGINT BLOB BLOB"), "\(types)")
    }

    @Test(
        "A value that the type of its column does not have is refused with the column",
        arguments: [
            ("a integer", "'many'", "column 'a' of the table 'seen' has 1 row with values that are no whole numbers"),
            ("a integer", "1.5", "1 row with values that are no whole numbers"),
            ("a real", "'many'", "1 row with values that are no numbers"),
            ("a text", "x'00'", "1 row with bytes in place of texts"),
        ])
    func otherTypes(column: String, value: String, words: String) async throws {
        let project = try await Self.copying(
            "CREATE TABLE t (\(column)); INSERT INTO t VALUES (\(value)); CREATE VIEW seen AS SELECT a FROM t;")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && "\(run)".contains(words), "\(run)")
    }

    @Test("A value that SQLite has not is refused, with its column")
    func notANumber() async throws {
        let project = try await Self.project("mode: replace")
        _ = try await project.query(
            "COPY (SELECT 1 AS id, 'nan'::DOUBLE AS amount UNION ALL SELECT 2, 'inf'::DOUBLE) TO 'in.parquet' (FORMAT parquet)"
        )
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && run.output.contains("column 'amount' has the value NaN"), "\(run)")
    }

    @Test(
        "A table that leaves rows out by a rule of its own fails the load, and keeps what it had",
        arguments: [
            "id integer primary key on conflict ignore", "id integer",
        ], ["mode: append", "mode: replace", "mode: upsert, key: id"])
    func rowsLeftOut(column: String, mode: String) async throws {
        let project = try await Self.project(mode)
        let place = project.folder.path("shop.db")
        let database = try DatabaseQueue(path: place)
        try await database.write { db in
            try db.execute(sql: "create table sales (\(column), name text, amount numeric, day text)")
            if column == "id integer" {
                try db.execute(
                    sql: "create trigger t before insert on sales when new.id = 7 begin select raise(ignore); end")
            } else {
                try db.execute(sql: "insert into sales values (7, 'kept', 1, '2026-01-01')")
            }
        }
        let run = try await project.caudal("run", "p.yaml", "--plain")
        let names = try await database.read { db in try String.fetchAll(db, sql: "select name from sales") }
        // Where the key is replaced or updated, nothing is left out.
        if column != "id integer", mode != "mode: append" {
            #expect(run.status == 0 && names.count == 100, "\(run)")
        } else {
            #expect(run.status == 1 && run.output.contains("did not take exactly these rows"), "\(run)")
            #expect(names == (column == "id integer" ? [] : ["kept"]))
        }
    }

    @Test(
        "A whole number that a column of floating point rounds is refused, and a first load that fails leaves no table")
    func rounded() async throws {
        let project = try await Self.project("mode: replace")
        _ = try await project.query("COPY (SELECT 1 AS id, 'nan'::DOUBLE AS amount) TO 'in.parquet' (FORMAT parquet)")
        let first = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            first.status == 1 && "\(first)".contains("SQLite would keep that there is none")
                && "\(first)".contains("there is no such table, as before"), "\(first)")
        let database = try DatabaseQueue(path: project.folder.path("shop.db"))
        try await database.write { try $0.execute(sql: "create table sales (id int, amount real)") }
        try database.close()
        _ = try await project.query(
            "COPY (SELECT 1 AS id, 9007199254740993 AS amount) TO 'in.parquet' (FORMAT parquet)")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(
            run.status == 1 && "\(run)".contains("column 'amount' has the value 9007199254740993, which real rounds")
                && "\(run)".contains("the table is as it was"), "\(run)")
    }

    @Test(
        "What SQLite would keep as another value is refused, with its column",
        arguments: [
            ("STRING", "'007'", "007, of which SQLite makes a number in a column that is declared STRING"),
            ("JSON", "'1e5'", "of which SQLite makes a number"), ("STRING", "'a7'", nil), ("TEXT", "'007'", nil),
            ("STRING", "12345678901234567.89::DECIMAL(19,2)", "of which SQLite makes a number"),
            ("NUMERIC", "9007199254740993", "9007199254740993, which numeric rounds"),
            ("DECIMAL(10,2)", "9223372036854775807", "which decimal(10,2) rounds"),
            ("NUMERIC", "9007199254740992", nil),
        ] as [(String, String, String?)])
    func keptAsAnother(type: String, value: String, words: String?) async throws {
        let project = try await Self.project("mode: append")
        let database = try DatabaseQueue(path: project.folder.path("shop.db"))
        try await database.write { try $0.execute(sql: "create table sales (id int, v \(type))") }
        try database.close()
        _ = try await project.query("COPY (SELECT 1 AS id, \(value) AS v) TO 'in.parquet' (FORMAT parquet)")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == (words == nil ? 0 : 1), "\(run)")
        if let words { #expect("\(run)".contains(words), "\(run)") }
    }

    @Test(
        "A whole number of a table that floating point rounds is refused",
        arguments: [9_007_199_254_740_993, Int.max, 1 << 60])
    func largeNumeric(value: Int) async throws {
        let project = try await Self.project("mode: append")
        let database = try DatabaseQueue(path: project.folder.path("shop.db"))
        try await database.write {
            try $0.execute(sql: "create table sales (id integer primary key, v NUMERIC)")
            try $0.execute(sql: "insert into sales values (1, \(value)), (2, 0.5)")
        }
        try database.close()
        let run = try await project.caudal("run", "p.yaml", "--plain", "--select", "back")
        #expect(run.status == (value == 1 << 60 ? 0 : 1), "\(run)")
        if run.status == 1 { #expect("\(run)".contains("more digits than floating point holds"), "\(run)") }
    }

    @Test("An upsert changes and adds, and the second time changes nothing")
    func upsert() async throws {
        let project = try await Self.project("mode: upsert, key: id")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        try await Self.rows(100, from: 51, name: "new", in: project)
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        let after = try project.read("back.csv")
        #expect(after.split(separator: "\n").count == 151)
        #expect(after.contains("\n50,n50,") && after.contains("\n51,new51,") && after.contains("\n150,new150,"))
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("back.csv") == after)
    }

    @Test("An append of the same run is made once, however often its stage is retried; one of another run adds")
    func append() async throws {
        let project = try await Self.project("mode: append")
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        let retry = try await project.caudal("retry", "last", "load", "--downstream", "--plain")
        #expect(retry.exit == .exited(0), "\(retry)")
        #expect(try project.read("back.csv").split(separator: "\n").count == 101)
        #expect(try await project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try project.read("back.csv").split(separator: "\n").count == 201)
    }

    @Test("Keys that stand twice or are missing are refused before anything is written")
    func keys() async throws {
        let project = try await Self.project("mode: upsert, key: id")
        _ = try await project.query("COPY (SELECT 1 AS id, 'a' AS name FROM range(2)) TO 'in.parquet' (FORMAT parquet)")
        let doubles = try await project.caudal("run", "p.yaml", "--plain")
        #expect(doubles.exit == .exited(1))
        #expect(doubles.output.contains("1 value of the key (id) in more than one row"), "\(doubles)")
        _ = try await project.query("COPY (SELECT NULL::INT AS id, 'a' AS name) TO 'in.parquet' (FORMAT parquet)")
        let keyless = try await project.caudal("run", "p.yaml", "--plain")
        #expect(keyless.output.contains("1 row without a value in the key (id)"), "\(keyless)")
        #expect(!FileManager.default.fileExists(atPath: project.folder.path("shop.db")))
    }

    @Test("The SQL that explain prints loads with the plain program")
    func explain() async throws {
        let project = try await Self.project("mode: replace")
        let answer = try await project.caudal("explain", "p.yaml", "load")
        #expect(answer.exit == .exited(0), "\(answer)")
        #expect(answer.output.contains("ATTACH 'shop.db' AS \"local\" (TYPE sqlite"), "\(answer)")
        #expect(answer.output.contains("BEGIN TRANSACTION;"))
    }

    @Test("Without the extension the message names the command that gets it")
    func missingExtension() async throws {
        let project = try await Self.project("mode: replace")
        // A copy of the program outside of the checkout finds no tools there.
        let copy = project.folder.path("caudal")
        try FileManager.default.copyItem(atPath: CaudalProject.program, toPath: copy)
        let run = try await project.run(copy, ["run", "p.yaml", "--plain"])
        #expect(run.exit == .exited(2), "nothing has begun")
        #expect(run.errors.contains("need DuckDB's extension sqlite_scanner, which was not found"), "\(run)")
        #expect(run.errors.contains("-c 'INSTALL sqlite'"), "\(run)")
    }
}
