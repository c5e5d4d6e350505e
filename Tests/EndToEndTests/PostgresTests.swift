import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Loads into a real PostgreSQL and reads from it.
@Suite(
    "PostgreSQL", .serialized, .timeLimit(.minutes(15)),
    .enabled(if: PostgresServer.absence == nil, "\(PostgresServer.absence ?? "")"))
struct PostgresTests {
    /// A project whose connection leads to a database of its own.
    private struct Bench {
        let server: PostgresServer
        let database: String
        let project: CaudalProject

        init(password: String? = nil) async throws {
            server = try await PostgresServer.shared()
            database = try await server.database()
            project = try CaudalProject(
                copying: [],
                variables: ["WAREHOUSE_PASSWORD": password ?? server.password, "PGHOST": "127.0.0.1"])
        }

        /// Writes a pipeline; `datasets` and `stages` are YAML in flow style or indented by two.
        func pipeline(_ datasets: String, _ stages: String) throws {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: warehouse
                connections:
                  warehouse:
                    {type: postgres, port: \(server.port), database: \(database), user: \(server.user), password: "${env.WAREHOUSE_PASSWORD}"}
                datasets:
                \(datasets)
                stages:
                \(stages)
                """)
        }

        func query(_ sql: String) async throws -> [String] { try await server.query(sql, in: database) }

        /// Writes numbered rows: an id, a name, an amount, a day, a moment and a truth.
        func rows(_ count: Int, to file: String = "in.parquet", from first: Int = 1, name: String = "n") async throws {
            _ = try await project.query(
                """
                COPY (SELECT i AS id, '\(name)' || i AS name, (i * 1.25)::DECIMAL(12,2) AS amount,
                DATE '2026-01-01' + (i % 365)::INT AS day, TIMESTAMP '2026-01-01' + to_seconds(i) AS seen, i % 2 = 0 AS even
                FROM range(\(first), \(first + count)) AS r(i)) TO '\(file)' (FORMAT parquet)
                """)
        }
    }

    @Test("NaN, infinity and long numbers of a numeric are read as what they are, or refused with their column")
    func oddNumbers() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            """
            create table odd (id int, a numeric, b numeric(10,2), d date);
            insert into odd values (1, 'NaN', 1, 'infinity'), (2, '1e100', 2, null), (3, '9007199254740992', 3, '2024-01-01')
            """)
        try bench.pipeline(
            "  odd: {connection: warehouse, table: odd}\n  out: {path: out.csv}",
            "  p: {type: process, input: odd, output: out}")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(
            try bench.project.read("out.csv")
                == "id,a,b,d\n1,nan,1.00,infinity\n2,1e+100,2.00,\n3,9007199254740992.0,3.00,2024-01-01\n")
        _ = try await bench.query("update odd set b = 'NaN' where id = 2")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.output.contains("column 'b' of the table 'odd' has 1 row with NaN or Infinity"), "\(run)")
    }

    @Test("The database is told which rows are new, and gives no others")
    func onlyNewRows() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create table raw (id int, seen timestamptz, n int); "
                + "insert into raw values (1, '2026-11-01 10:00+01', 5), (2, '2026-11-02 10:00+01', 6); "
                // It fails for every older row that it is asked for.
                + "create table since (at timestamptz); insert into since values ('2026-01-01'); "
                + "create view events as select id, seen, n / (case when seen < (select at from since) then 0 else 1 end) "
                + "as n from raw")
        try bench.pipeline(
            "  events: {connection: warehouse, table: events}\n  out: {path: out.parquet}",
            "  p: {type: process, input: events, output: out, mode: merge, key: id, watermark: seen, lookback: 1h}")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        _ = try await bench.query(
            "update since set at = '2026-11-02 09:00+01'; insert into raw values (3, '2026-11-02 09:30+01', 7), (4, null, 8)"
        )
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(
            try await bench.project.query("select id, n from 'out.parquet' order by id") == [
                "1|5", "2|6", "3|7", "4|8",
            ])
        let all = try await bench.project.caudal("run", "p.yaml", "--plain", "--full-refresh")
        #expect(all.status == 1 && "\(all)".contains("division by zero"), "\(all)")
    }

    @Test("Lists of an enum are read where only new rows are, and rows without a value among them")
    func newListsOfEnums() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create type mood as enum ('calm', 'so so'); create table raw (id int, seen timestamp, moods mood[], one mood); "
                + "insert into raw values (1, '2026-11-01', '{calm,so so}', 'calm'), (2, null, '{}', null)")
        try bench.pipeline(
            "  raw: {connection: warehouse, table: raw}\n  out: {path: out.parquet}",
            "  p: {type: process, input: raw, output: out, mode: merge, key: id, watermark: seen}")
        for _ in 1...2 {
            let ran = try await bench.project.caudal("run", "p.yaml", "--plain")
            #expect(ran.status == 0, "\(ran)")
        }
        _ = try await bench.query(
            "insert into raw values (3, '2026-11-02', '{so so}', 'so so'), (4, null, null, 'calm')")
        let ran = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(ran.status == 0, "\(ran)")
        let rows = try await bench.project.query(
            "select id, len(moods), moods[1], moods[2], one from 'out.parquet' order by id")
        #expect(
            rows == ["1|2|calm|so so|calm", "2|0|NULL|NULL|NULL", "3|1|so so|NULL|so so", "4|NULL|NULL|NULL|calm"],
            "\(rows)")
    }

    @Test("Points in time are loaded as such whatever zone the database has, and local times are no points in time")
    func zones() async throws {
        let bench = try await Bench()
        _ = try await bench.query("ALTER DATABASE \(bench.database) SET timezone TO 'America/New_York'")
        _ = try await bench.query("CREATE TABLE kept (at timestamptz, wall timestamp)")
        try bench.project.write("in.csv", "at,wall\n2026-01-05T10:00:00+02:00,2026-01-05 10:00:00\n")
        try bench.pipeline(
            "  in: {path: in.csv}\n  typed: {path: typed.parquet}\n  made: {connection: warehouse, table: made}\n"
                + "  kept: {connection: warehouse, table: kept}\n  out: {path: out.csv}\n  back: {path: back.csv}",
            """
              types: {type: process, input: in, output: typed, steps: [{cast: {at: timestamp, wall: timestamp}}]}
              made: {type: load, input: typed, output: made, mode: replace}
              kept: {type: load, input: typed, output: kept, mode: append}
              out: {type: process, input: made, output: out}
              back: {type: process, input: kept, output: back}
            """)
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        let rows = "at,wall\n2026-01-05T08:00:00Z,2026-01-05T10:00:00\n"
        #expect(try bench.project.read("out.csv") == rows && bench.project.read("back.csv") == rows)
        let kept = try await bench.query("SELECT extract(epoch from at)::int, wall FROM kept")
        #expect(kept == ["1767600000|2026-01-05 10:00:00"])
        try bench.project.write("in.csv", "at,wall\n2026-01-05T10:00:00,2026-01-05 10:00:00\n")
        let other = try await bench.project.caudal("run", "p.yaml", "--plain")
        let told = "the column 'at' is local timestamp, and 'warehouse.made' keeps timestamp"
        #expect("\(other)".contains(told), "\(other)")
    }

    @Test("A numeric that floating point does not hold is refused with its column, and so is a scale that is misread")
    func wideNumbers() async throws {
        let bench = try await Bench()
        for (type, value, message) in [
            (
                "numeric", "9007199254740993",
                "column 'a' of the table 'wide' has 1 row with more digits than floating point"
            ),
            ("numeric(50,10)", "123456789012345678.5", "has 1 row with more digits than floating point holds"),
            ("numeric(10,-2)", "12300", "column 'a' of the table 'wide' is numeric(10,-2), which cannot be read"),
            ("numeric(3,5)", "0.00123", "is numeric(3,5), which cannot be read"),
        ] {
            _ = try await bench.query(
                "drop table if exists wide; create table wide (a \(type)); insert into wide values (\(value))")
            try bench.pipeline(
                "  wide: {connection: warehouse, table: wide}\n  out: {path: out.csv}",
                "  p: {type: process, input: wide, output: out}")
            let run = try await bench.project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit != .exited(0) && (run.output + run.errors).contains(message), "\(run)")
        }
    }

    @Test("A number that a column of floating point rounds is refused with its column")
    func rounded() async throws {
        let bench = try await Bench()
        _ = try await bench.query("create table kept (a real, b double precision, c numeric)")
        try bench.pipeline(
            "  rows: {path: in.parquet}\n  kept: {connection: warehouse, table: kept}",
            "  load: {type: load, input: rows, output: kept, mode: replace}")
        for (rows, fault) in [
            ("0.1::double AS a, 9007199254740992 AS b, 9007199254740993 AS c", nil),
            ("16777217::double AS a, 1 AS b, 1 AS c", "column 'a' has the value 16777217.0, which real rounds"),
            ("0.1::double AS a, 9007199254740993 AS b, 1 AS c", "9007199254740993, which double precision rounds"),
        ] as [(String, String?)] {
            _ = try await bench.project.query("COPY (SELECT \(rows)) TO 'in.parquet' (FORMAT parquet)")
            let run = try await bench.project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == (fault == nil ? 0 : 1) && fault.map { "\(run)".contains($0) } != false, "\(run)")
            #expect(try await bench.query("select a, c from kept") == ["0.1|9007199254740993"])
        }
    }

    @Test(
        "A table whose triggers or rules leave rows out fails the load, and keeps what it had; others of its triggers are its own affair"
    )
    func leftOut() async throws {
        let bench = try await Bench()
        try await bench.rows(3)
        _ = try await bench.query(
            """
            create function skip() returns trigger language plpgsql as 'begin if new.id = 2 then return null; end if; return new; end';
            create function note() returns trigger language plpgsql as 'begin new.name = upper(new.name); return new; end'
            """)
        let columns = "(id bigint primary key, name text, amount numeric, day date, seen timestamp, even boolean)"
        for (mode, rule, isRefused) in [
            ("replace", "create trigger x before insert on t for each row execute function skip()", true),
            ("append", "create trigger x before insert on t for each row execute function skip()", true),
            ("upsert, key: id", "create trigger x before insert on t for each row execute function skip()", true),
            ("append", "create rule x as on insert to t do instead nothing", true),
            ("replace", "create trigger x before insert on t for each row execute function note()", false),
            ("append", "create trigger x before insert on t for each row execute function note()", false),
        ] {
            _ = try await bench.query(
                "drop table if exists t; create table t \(columns); insert into t values (9, 'old'); \(rule)")
            try bench.pipeline(
                "  i: {path: in.parquet}\n  t: {connection: warehouse, table: t}",
                "  load: {type: load, input: i, output: t, mode: \(mode)}")
            let run = try await bench.project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == (isRefused ? 1 : 0), "\(mode) \(rule): \(run)")
            if isRefused {
                #expect(run.output.contains("'t' did not take exactly these rows"), "\(run)")
                #expect(try await bench.query("select name from t") == ["old"])
            }
        }
    }

    @Test("A value that its column would cut or round fails the load, whatever the mode")
    func cutOrRounded() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create domain short as varchar(3); create domain cents as numeric(10,2); create domain free as text")
        for (type, value, kept) in [
            ("varchar(3)", "'ab'", "ab"), ("varchar(3)", "'ab   '", nil), ("varchar(3)", "'abcd'", nil),
            ("short", "'abc'", "abc"), ("short", "'abcdef'", nil), ("free", "'abcdef'", "abcdef"),
            ("cents", "'1.25'", "1.25"), ("cents", "'1.255'", nil), ("money", "'1.25'", "$1.25"),
            ("money", "'$1.50'", "$1.50"),
            ("money", "'1.255'", nil),
            ("timestamp(0)", "timestamp '2026-01-01 00:00:00'", "2026-01-01 00:00:00"),
            ("timestamp(0)", "timestamp '2026-01-01 00:00:00.5'", nil),
            ("timestamp(6)", "timestamp '2026-01-01 00:00:00.5'", "2026-01-01 00:00:00.5"),
            ("time(0)", "'10:00:00.7'", nil), ("time(0)", "'10:00:00'", "10:00:00"),
            ("timestamptz(3)", "timestamptz '2026-01-01 00:00:00.1234Z'", nil),
            ("varchar(3)[]", "['abc', 'abcd']", nil), ("bit(3)", "'1010'", nil),
        ] as [(String, String, String?)] {
            for mode in ["append", "upsert, key: id"] {
                _ = try await bench.query(
                    "drop table if exists t; create table t (id bigint primary key, v \(type)); insert into t values (9)"
                )
                _ = try await bench.project.query(
                    "COPY (SELECT 1 AS id, \(value) AS v UNION ALL SELECT 2, NULL) TO 'in.parquet' (FORMAT parquet)")
                try bench.pipeline(
                    "  i: {path: in.parquet}\n  t: {connection: warehouse, table: t}",
                    "  load: {type: load, input: i, output: t, mode: \(mode)}")
                let run = try await bench.project.caudal("run", "p.yaml", "--plain")
                let rows = try await bench.query("select v from t where id < 9 and v is not null")
                #expect(
                    run.status == (kept == nil ? 1 : 0) && rows == (kept.map { [$0] } ?? []), "\(type) \(value): \(run)"
                )
                if kept == nil { #expect("\(run)".contains("column 'v'"), "\(type) \(value): \(run)") }
            }
        }
    }

    @Test("To replace rows takes no rows of other tables along")
    func cascades() async throws {
        let bench = try await Bench()
        try await bench.rows(3)
        let columns = "(id bigint primary key, name text, amount numeric, day date, seen timestamp, even boolean)"
        for (rule, others, isRefused) in [
            ("on delete cascade", "insert into items values (9)", true),
            ("on delete set null", "insert into items values (9)", true), ("on delete cascade", "", false),
        ] {
            _ = try await bench.query(
                "drop table if exists items; drop table if exists t; create table t \(columns); insert into t values (9, 'old'); "
                    + "create table items (t bigint references t(id) \(rule)); \(others)")
            try bench.pipeline(
                "  i: {path: in.parquet}\n  t: {connection: warehouse, table: t}",
                "  load: {type: load, input: i, output: t, mode: replace}")
            let run = try await bench.project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == (isRefused ? 1 : 0), "\(rule): \(run)")
            if isRefused {
                #expect(
                    "\(run)".contains("the foreign key 'items_t_fkey' would delete or change rows of items"), "\(run)")
                #expect(try await bench.query("select t from items") == ["9"])
            }
        }
    }

    @Test("A million rows come back as they went, with their types")
    func million() async throws {
        let bench = try await Bench()
        try await bench.rows(1_000_000)
        try bench.pipeline(
            """
              rows: {path: in.parquet}
              sales: {connection: warehouse, table: sales}
              back: {path: back.parquet}
            """,
            """
              load: {type: load, input: rows, output: sales, mode: replace, checks: [{unique: id}, {row_count: {min: 1}}]}
              back: {type: sql, output: back, query: "select * from sales order by id"}
            """)
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(0), "\(run)")
        #expect(run.output.contains("1,000,000 in, 1,000,000 out"))
        let difference = try await bench.project.query(
            "SELECT count(*) FROM (FROM 'in.parquet' EXCEPT ALL FROM 'back.parquet')")
        #expect(difference == ["0"])
        let types = try await bench.project.query("SELECT column_type FROM (DESCRIBE FROM 'back.parquet')")
        #expect(types == ["BIGINT", "VARCHAR", "DECIMAL(12,2)", "DATE", "TIMESTAMP", "BOOLEAN"])
        #expect(try await bench.query("SELECT \"rows\", mode FROM caudal_loads") == ["1000000|replace"])
    }

    @Test("An upsert changes the rows that are there and adds the others, and the second time changes nothing")
    func upsert() async throws {
        let bench = try await Bench()
        try await bench.rows(1000)
        try await bench.rows(1000, to: "more.parquet", from: 501, name: "new")
        try bench.pipeline(
            """
              rows: {path: "${params.file}", format: parquet}
              sales: {connection: warehouse, table: "shop floor.sales;x"}
            """,
            "  load: {type: load, input: rows, output: sales, mode: upsert, key: [id]}")
        try bench.project.write(
            "p.yaml",
            try bench.project.read("p.yaml").replacing(
                "name: warehouse\n", with: "name: warehouse\nparams: {file: {type: string, default: in.parquet}}\n"))
        _ = try await bench.query("CREATE SCHEMA \"shop floor\"")
        let question =
            "SELECT count(*), count(*) FILTER (WHERE name LIKE 'new%'), sum(amount), sum(hashtext(name)::bigint) "
            + "FROM \"shop floor\".\"sales;x\""
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await bench.query(question).first?.hasPrefix("1000|0|") == true)
        let again = try await bench.project.caudal("run", "p.yaml", "--param", "file=more.parquet")
        #expect(again.exit == .exited(0), "\(again)")
        let after = try await bench.query(question)
        #expect(after.first?.hasPrefix("1500|1000|") == true, "\(after)")
        #expect(try await bench.project.caudal("run", "p.yaml", "--param", "file=more.parquet").exit == .exited(0))
        #expect(try await bench.query(question) == after)
    }

    @Test("A load that is killed in its middle leaves the old table, and goes on when the run is resumed")
    func killed() async throws {
        let bench = try await Bench()
        try await bench.rows(2000)
        try bench.pipeline(
            "  rows: {path: in.parquet, timezone: UTC}\n  sales: {connection: warehouse, table: sales}",
            "  load: {type: load, input: rows, output: sales, mode: replace}")
        _ = try await bench.query(
            "CREATE TABLE sales (id bigint, name text, amount numeric(12,2), day date, seen timestamptz, even boolean); "
                + "INSERT INTO sales (id) VALUES (0)")
        // Somebody holds the table, so that the load stands in the middle of its transaction.
        try await bench.server.hold(
            "holder", "BEGIN; LOCK TABLE sales IN SHARE ROW EXCLUSIVE MODE", in: bench.database)
        let process = try await bench.project.start("run", "p.yaml", "--json")
        try await bench.server.waits(
            for: "1", from: "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sales'::regclass",
            in: bench.database)
        #expect(await process.killHard() == .signaled(9))
        #expect(try await bench.query("SELECT count(*), min(id) FROM sales") == ["1|0"])
        try await bench.server.letGo("holder", in: bench.database)
        let resumed = try await bench.project.caudal("resume", "last", "--plain")
        #expect(resumed.exit == .exited(0), "\(resumed)")
        #expect(try await bench.query("SELECT count(*), min(id) FROM sales") == ["2000|1"])
        #expect(try await bench.query("SELECT count(*) FROM pg_class WHERE relname LIKE 'caudal_staging%'") == ["0"])
    }

    @Test("An append whose commit the run did not live to see is not made twice")
    func killedAfterCommit() async throws {
        let bench = try await Bench()
        try await bench.rows(300)
        try bench.pipeline(
            "  rows: {path: in.parquet}\n  sales: {connection: warehouse, table: sales}",
            "  load: {type: load, input: rows, output: sales, mode: append}")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await bench.query("SELECT count(*) FROM sales") == ["300"])
        // The commit of the next load waits for a lock that the test holds.
        _ = try await bench.query(
            """
            CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON caudal_loads DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait();
            """)
        try await bench.server.hold("holder", "BEGIN; SELECT pg_advisory_xact_lock(42)", in: bench.database)
        let process = try await bench.project.start("run", "p.yaml", "--json")
        try await bench.server.waits(
            for: "1", from: "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'",
            in: bench.database)
        #expect(await process.killHard() == .signaled(9))
        try await bench.server.letGo("holder", in: bench.database)
        try await bench.server.waits(for: "600", from: "SELECT count(*) FROM sales", in: bench.database)
        let resumed = try await bench.project.caudal("resume", "last", "--plain")
        #expect(resumed.exit == .exited(0), "\(resumed)")
        #expect(try await bench.query("SELECT count(*) FROM sales") == ["600"])
        let logs = try await bench.project.caudal("logs")
        #expect(logs.output.contains("nothing was appended twice"))
        // Retrying it by hand does no harm either; other rows in the same run are refused.
        #expect(try await bench.project.caudal("retry", "last", "load", "--plain").exit == .exited(0))
        try await bench.rows(301)
        let other = try await bench.project.caudal("retry", "last", "load", "--plain")
        #expect(other.exit == .exited(1))
        #expect(other.output.contains("this run has appended 300 rows to 'warehouse.sales' already"), "\(other)")
        #expect(try await bench.query("SELECT count(*) FROM sales") == ["600"])
    }

    @Test("A wrong password is seen nowhere: not on the screen, in the journal, the log, the SQL or the report")
    func wrongPassword() async throws {
        let wrong = "wrong-\(UUID().uuidString)"
        let bench = try await Bench(password: wrong)
        try await bench.rows(10)
        try bench.pipeline(
            """
              rows: {path: in.parquet}
              sales: {connection: warehouse, table: sales}
              names: {connection: warehouse, table: names}
              copy: {path: copy.csv}
            """,
            """
              load: {type: load, input: rows, output: sales, mode: append, retry: {limit: 1, delay: 10ms}}
              read: {type: sql, output: copy, query: select * from names, retry: {limit: 1, delay: 10ms}}
              report: {type: report, needs: [load, read], when: all_done}
            """)
        var texts: [String] = []
        for arguments in [["run", "p.yaml", "--plain"], ["run", "p.yaml", "--json"]] {
            let run = try await bench.project.run(CaudalProject.program, arguments)
            #expect(run.exit == .exited(1))
            texts.append(run.description)
        }
        #expect(texts[0].contains("password authentication failed"), "\(texts[0])")
        for arguments in [
            ["show", "last", "--json"], ["logs"], ["explain", "p.yaml", "load"], ["explain", "p.yaml", "read"],
            ["validate", "p.yaml", "--resolved"],
        ] {
            texts.append(try await bench.project.run(CaudalProject.program, arguments).description)
        }
        for name in bench.project.files(in: ".") {
            let bytes = FileManager.default.contents(atPath: bench.project.folder.path(name)) ?? Data()
            texts.append(String(decoding: bytes, as: UTF8.self))
        }
        #expect(texts.count > 12)
        #expect(texts.allSatisfy { !$0.contains(wrong) })
        #expect(texts.allSatisfy { !$0.contains(bench.server.password) })
    }

    @Test("What does not fit the table is told before the run begins, at its place in the file")
    func mismatch() async throws {
        let bench = try await Bench()
        try await bench.rows(10)
        try bench.pipeline(
            "  rows: {path: in.parquet}\n  sales: {connection: warehouse, table: sales}",
            "  load: {type: load, input: rows, output: sales, mode: replace}")
        for (definition, message) in [
            ("id bigint, nam text", "the table 'warehouse.sales' has no column 'name'; did you mean 'nam'?"),
            (
                "id bigint, name text, amount integer, day date, seen timestamp, even boolean",
                "the column 'amount' is decimal(12,2), and 'warehouse.sales' keeps integer (integer) there"
            ),
            (
                "id bigint, name text, amount numeric, day date, seen timestamp, even boolean, shop text NOT NULL",
                "the table 'warehouse.sales' wants a value in 'shop'"
            ),
        ] {
            _ = try await bench.query("DROP TABLE IF EXISTS sales; CREATE TABLE sales (\(definition))")
            let run = try await bench.project.caudal("run", "p.yaml")
            #expect(run.exit == .exited(2), "\(run)")
            #expect(run.errors.contains(message), "\(run)")
            #expect(run.errors.contains("p.yaml:10:"), "\(run)")
        }
        // A value that does not fit is found by the database, which then keeps the table as it was.
        _ = try await bench.query(
            "DROP TABLE sales; CREATE TABLE sales (id bigint, name varchar(2), amount numeric, day date, seen timestamp, "
                + "even boolean); INSERT INTO sales (id) VALUES (7)")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1))
        #expect(run.output.contains("'n10', of which character varying(2) would keep another"), "\(run)")
        #expect(run.output.contains("the table is as it was"))
        #expect(try await bench.query("SELECT id FROM sales") == ["7"])
    }

    @Test("A check that fails keeps the rows out of the table")
    func failingCheck() async throws {
        let bench = try await Bench()
        try await bench.rows(10)
        try bench.pipeline(
            "  rows: {path: in.parquet}\n  sales: {connection: warehouse, table: sales}",
            "  load: {type: load, input: rows, output: sales, mode: replace, checks: [{range: id, max: 9}]}")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.exit == .exited(1))
        #expect(try await bench.query("SELECT to_regclass('sales') IS NULL") == ["t"])
    }

    @Test("The SQL of a user reaches no database, also when its stage reads a table of one")
    func sandbox() async throws {
        let bench = try await Bench()
        _ = try await bench.query("CREATE TABLE names AS SELECT 1 AS id; CREATE TABLE secrets AS SELECT 2 AS id")
        for query in [
            "select * from names, postgres_scan('', 'public', 'secrets')",
            "select * from names, warehouse.public.secrets",
            "select * from names, postgres_query('warehouse', 'select 1')",
        ] {
            try bench.pipeline(
                "  names: {connection: warehouse, table: names}\n  out: {path: out.csv}",
                "  read: {type: sql, output: out, query: \"\(query)\"}")
            let run = try await bench.project.caudal("run", "p.yaml", "--plain")
            #expect(run.exit != .exited(0), "\(query)")
        }
    }
}
