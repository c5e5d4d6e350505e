import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Loads into a real MariaDB and reads from it.
@Suite(
    "MySQL and MariaDB", .serialized, .timeLimit(.minutes(10)),
    .enabled(if: MariaDBServer.absence == nil, "\(MariaDBServer.absence ?? "")"))
struct MySQLTests {
    /// A project whose connection leads to a database of its own.
    private struct Bench {
        let server: MariaDBServer
        let database: String
        let project: CaudalProject

        init(password: String? = nil) async throws {
            server = try await MariaDBServer.shared()
            database = try await server.database()
            project = try CaudalProject(copying: [], variables: ["SHOP_PASSWORD": password ?? server.password])
        }

        /// Writes a pipeline; `datasets` and `stages` are YAML indented by two.
        func pipeline(_ datasets: String, _ stages: String, more: String = "") throws {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: shop\(more)
                connections:
                  shop:
                    {type: mysql, host: 127.0.0.1, port: \(server.port), database: \(database), user: \(server.user), password: "${env.SHOP_PASSWORD}"}
                datasets:
                \(datasets)
                stages:
                \(stages)
                """)
        }

        func query(_ sql: String) async throws -> [String] { try await server.query(sql, in: database) }

        /// Reads a table into `got.csv`.
        func read(_ table: String) async throws -> CaudalProject.Answer {
            try pipeline(
                "  rows: {connection: shop, table: \(table)}\n  got: {path: got.csv, csv: {delimiter: \"|\"}}",
                "  read: {type: process, input: rows, output: got}")
            return try await project.caudal("run", "p.yaml", "--plain")
        }

        /// Writes a pipeline that loads `in.csv` with the types of its columns, and reads the table again.
        func load(_ mode: String, types: String, table: String = "kept") throws {
            try pipeline(
                "  rows: {path: in.csv}\n  typed: {path: typed.parquet}\n  kept: {connection: shop, table: \(table)}\n"
                    + "  back: {path: back.csv}",
                """
                  types: {type: process, input: rows, output: typed, steps: [{cast: {\(types)}}]}
                  load: {type: load, input: typed, output: kept, mode: \(mode)}
                  back: {type: process, input: kept, output: back}
                """)
        }
    }

    @Test("Values of every type are what the server holds, whatever its zone and its mode are")
    func types() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            """
            create table odd (ub bigint unsigned, d65 decimal(65,30), b8 bit(8), b64 bit(63), t1 tinyint(1), e enum('a','ä') collate
              utf8mb4_bin, j json, tm time(1), u3 varchar(9) character set utf8mb3, u4 longtext collate utf8mb4_bin, l1 char(3)
              character set latin1, bl blob, f float, db double, dt datetime(6), ts timestamp(3) null, u uuid, y year);
            insert into odd values (9223372036854775807, 12345678901234567890123456789012345.5, b'10000001', ~0 >> 1, 5, 'ä',
              '{"a": 1}', '838:59:59.5', 'ü', '😀\\\\"', 'ö', x'00ff', 123456.78, 0.1, '2026-10-25 02:30:00.000001',
              '2026-01-05 15:30:00.125', '123e4567-e89b-12d3-a456-426655440000', 2026)
            """)
        let run = try await bench.read("odd")
        #expect(run.status == 0, "\(run)")
        #expect(
            try bench.project.read("got.csv").split(separator: "\n").last?.split(separator: "|").map(String.init) == [
                "9223372036854775807", "12345678901234567890123456789012345.500000000000000000000000000000", "129",
                "9223372036854775807", "5", "ä", #""{""a"": 1}""#, "838:59:59.5", "ü", "\"😀\\\"\"\"", "ö",
                #"\x00\xFF"#, "123456.78", "0.1", "2026-10-25T02:30:00.000001", "2026-01-05T10:00:00.125000Z",
                "123e4567-e89b-12d3-a456-426655440000", "2026",
            ])
    }

    @Test(
        "Values that there are no others for are refused with their column",
        arguments: [
            ("date", "'0000-00-00'", "has the value 0000-00-00, which is no date"),
            ("date", "'2026-00-05'", "has the value 2026-00-05, which is no date"),
            ("datetime", "'0000-00-00 00:00:00'", "has the value 0000-00-00 00:00:00, which is no time"),
            ("timestamp null", "'0000-00-00 00:00:00'", "has the value 0000-00-00 00:00:00, which is no time"),
            (
                "bigint unsigned", "18446744073709551615",
                "has the value 18446744073709551615, which does not fit 64 bits"
            ),
            ("bit(64)", "~0", "has the value 18446744073709551615, which does not fit 64 bits"),
            ("point", "ST_GeomFromText('POINT(1 2)')", "column 'v' of the table 'odd' is point, which cannot be read"),
        ])
    func refused(type: String, value: String, message: String) async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create table odd (id int, v \(type)); insert into odd values (1, null), (2, \(value))")
        let run = try await bench.read("odd")
        #expect(run.status == 1 && "\(run)".contains(message), "\(run)")
        #expect(!bench.project.exists("got.csv"))
        // A view says what they are to be.
        _ = try await bench.query(
            "create view plain as select id, cast(\(type == "point" ? "ST_AsText(v)" : "v") as char) as v from odd")
        let plain = try await bench.read("\(bench.database).plain")
        #expect(plain.status == 0, "\(plain)")
    }

    @Test("A limit that the server has for all queries leaves no rows out")
    func limited() async throws {
        let bench = try await Bench()
        _ = try await bench.query("create table many (id int, n int); insert into many values (1, 1), (2, 2), (3, 3)")
        _ = try await bench.query("set global sql_select_limit = 1")
        let run = try await bench.read("many")
        _ = try await bench.query("set global sql_select_limit = default")
        #expect(run.status == 0 && bench.project.text("got.csv") == "id|n\n1|1\n2|2\n3|3\n", "\(run)")
    }

    @Test("The server is told which rows are new, and gives no others")
    func onlyNewRows() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create table events (id int primary key, seen timestamp(6) null, n int); "
                + "insert into events values (1, '2026-11-01 15:30:00', 5), (2, '2026-11-02 15:30:00', 6)")
        try bench.pipeline(
            "  events: {connection: shop, table: events}\n  out: {path: out.parquet}",
            "  p: {type: process, input: events, output: out, mode: merge, key: id, watermark: seen, lookback: 1h}")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        // What is older is read no more, which a change of it shows.
        _ = try await bench.query(
            "update events set n = 50 where id = 1; insert into events values (3, '2026-11-02 15:00:00', 7), (4, null, 8)"
        )
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0 && run.output.contains("3 in"), "\(run)")
        let rows = "select id, n, seen from 'out.parquet' order by id"
        #expect(
            try await bench.project.query(rows) == [
                "1|5|2026-11-01 10:00:00", "2|6|2026-11-02 10:00:00", "3|7|2026-11-02 09:30:00", "4|8|NULL",
            ])
        #expect(try await bench.project.caudal("run", "p.yaml", "--full-refresh").exit == .exited(0))
        #expect(try await bench.project.query(rows).first == "1|50|2026-11-01 10:00:00")
    }

    @Test("Rows that are loaded come back as they were, points in time in UTC and texts sign by sign")
    func roundTrip() async throws {
        let bench = try await Bench()
        let text = #""x\y""'% 😀 ü""#
        try bench.project.write(
            "in.csv",
            "id,at,wall,d,n,m,ok,s\n1,2026-01-05T10:00:00+02:00,2026-03-29 02:30:00,2026-01-05,1.5,2.25,true,\(text)\n2,,,,,,,\n"
        )
        try bench.load(
            "replace",
            types: "id: integer, at: timestamp, wall: timestamp, d: date, n: number, m: \"decimal(12,2)\", ok: boolean")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(
            try bench.project.read("back.csv")
                == "id,at,wall,d,n,m,ok,s\n1,2026-01-05T08:00:00Z,2026-03-29T02:30:00,2026-01-05,1.5,2.25,1,\(text)\n2,,,,,,,\n"
        )
        let kept = try await bench.query(
            "select unix_timestamp(at), wall, hex(s) from kept where id = 1; select stage, mode, `rows` from caudal_loads"
        )
        #expect(
            kept == [
                "1767600000.000000|2026-03-29 02:30:00.000000|785C7922272520F09F988020C3BC", "load|replace|2",
            ], "\(kept)")
    }

    @Test("Rows are replaced, added or merged by their key, in which capitals count")
    func modes() async throws {
        let bench = try await Bench()
        // A collation for which a and A are the same, and a primary key besides the key of the load.
        _ = try await bench.query(
            "create table kept (row_id int auto_increment primary key, id varchar(9), n int) collate utf8mb4_general_ci; "
                + "insert into kept (id, n) values ('a', 1), ('c', 3)")
        try bench.project.write("in.csv", "id,n\nA,10\nb,20\nc,30\n")
        try bench.load("upsert, key: id", types: "n: integer")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        let rows = "select id, n from kept order by binary id"
        #expect(try await bench.query(rows) == ["A|10", "a|1", "b|20", "c|30"])
        try bench.load("append", types: "n: integer")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await bench.query("select count(*) from kept") == ["7"])
        try bench.load("replace", types: "n: integer")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await bench.query(rows) == ["A|10", "b|20", "c|30"])
        #expect(try await bench.query("show tables") == ["caudal_loads", "kept"])
    }

    @Test("Keys that a collation takes for equal are rows of their own, and a key of 0 is 0")
    func alikeKeys() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create table kept (row_id int auto_increment primary key, id varchar(9), n int) collate utf8mb4_general_ci; "
                + "insert into kept (id, n) values ('anna', 1), ('bob', 3)")
        try bench.project.write("in.csv", "id,n\nanna,10\nAnna,20\nANNA,30\nbob,40\nbób,50\n")
        try bench.load("upsert, key: id", types: "n: integer")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(
            try await bench.query("select id, n from kept order by n")
                == ["anna|10", "Anna|20", "ANNA|30", "bob|40", "bób|50"])
        _ = try await bench.query(
            "create table zeros (id int auto_increment primary key, n int); insert into zeros values (1, 111)")
        try bench.project.write("in.csv", "id,n\n0,10\n")
        try bench.load("upsert, key: id", types: "id: integer, n: integer", table: "zeros")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await bench.query("select * from zeros order by id") == ["0|10", "1|111"])
    }

    @Test("A replaced table takes no rows of other tables along")
    func cascade() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create table kept (id int primary key, n int); insert into kept values (1, 1); create table child "
                + "(id int, foreign key (id) references kept (id) on delete cascade); insert into child values (1)")
        try bench.project.write("in.csv", "id,n\n1,2\n")
        try bench.load("replace", types: "id: integer, n: integer")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && "\(run)".contains("would go with them"), "\(run)")
        #expect(try await bench.query("select count(*) from child") == ["1"])
        #expect(try await bench.query("select n from kept") == ["1"])
    }

    @Test(
        "A load that fails leaves the table as it was, and says why without the statement",
        arguments: [
            (
                "id int primary key, n tinyint", "id,n\n1,1\n2,200\n", "id: integer, n: integer",
                "the table is as it was"
            ),
            ("id int primary key, n int", "id,n\n3,1\n3,2\n", "id: integer, n: integer", "Duplicate entry '3' for key"),
            ("id int primary key, n varchar(2)", "id,n\n1,abc\n", "id: integer", "too long for varchar(2)"),
            (
                "id int primary key, n double", "id,n\n1,nan\n", "id: integer, n: number",
                "which MySQL has no number for"
            ),
            ("id int primary key, n date not null", "id,n\n1,\n", "id: integer, n: date", "cannot be null"),
            ("id int primary key, n enum('1', '2')", "id,n\n1,3\n", "id: integer", "which is no entry of enum("),
            (
                "id int primary key, n set('2', 'b')", "id,n\n1,3\n", "id: integer",
                "which is no list of entries of set('2','b') in their order"
            ),
            (
                "id int primary key, n set('2', 'b')", "id,n\n1,\"b,2\"\n", "id: integer",
                "which is no list of entries of set('2','b') in their order"
            ),
            ("id int primary key, n float", "id,n\n1,16777217\n", "id: integer, n: number", "which float rounds"),
            (
                "id int primary key, n double(10,2)", "id,n\n1,1.005\n", "id: integer, n: number",
                "has the value 1.005, which"
            ),
            ("id int primary key, n float(7,4)", "id,n\n1,1.00005\n", "id: integer, n: number", "float(7,4) rounds"),
            (
                "id int primary key, n double", "id,n\n1,9007199254740993\n", "id: integer, n: integer",
                "has the value 9007199254740993, which double rounds"
            ),
            (
                "id int primary key, n int auto_increment unique", "id,n\n1,\n", "id: integer, n: integer",
                "column 'n' has no value in a row, and MySQL would put one of its own"
            ),
            (
                "id int primary key, n tinytext", "id,n\n1,\(String(repeating: "x", count: 255)) \n", "id: integer",
                "whose blanks at the end tinytext leaves out"
            ),
            ("id int primary key, n time", "id,n\n1,12\n", "id: integer", "which is no time such as 10:30:00"),
            ("id int primary key, n varchar(2)", "id,n\n1,ab \n", "id: integer", "too long for varchar(2)"),
            (
                "id int primary key, n char(3)", "id,n\n1,ab \n", "id: integer",
                "whose blank at the end char(3) leaves out"
            ),
            (
                "id int primary key, n time(1)", "id,n\n1,10:00:00.25\n", "id: integer",
                "a fraction that time(1) leaves out"
            ),
            ("id int primary key, n year", "id,n\n1,26\n", "id: integer, n: integer", "which is no year of MySQL"),
        ])
    func failing(table: String, rows: String, types: String, message: String) async throws {
        let bench = try await Bench()
        _ = try await bench.query("create table kept (\(table)); insert into kept values (7, '2')")
        let before = try await bench.query("select * from kept")
        try bench.project.write("in.csv", rows)
        try bench.load("replace", types: types)
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && "\(run)".contains(message), "\(run)")
        #expect(!"\(run)".contains("INSERT INTO"), "\(run)")
        #expect(try await bench.query("select * from kept") == before)
        #expect(try await bench.query("select count(*) from caudal_loads") == ["0"])
    }

    @Test("A point in time that is missing does not become now")
    func missingTime() async throws {
        let bench = try await Bench()
        _ = try await bench.query(
            "create table kept (id int primary key, n timestamp not null default current_timestamp); "
                + "insert into kept values (7, '2026-01-05 10:00:00')")
        try bench.project.write("in.csv", "id,n\n1,\n2,2026-01-05T10:00:00Z\n")
        for mode in ["append", "upsert, key: id"] {
            try bench.load(mode, types: "id: integer, n: timestamp")
            let run = try await bench.project.caudal("run", "p.yaml", "--plain")
            #expect(
                run.status == 1 && "\(run)".contains("column 'n' has no value in a row, and MySQL would put one"),
                "\(run)")
            #expect(try await bench.query("select id from kept") == ["7"])
        }
        // Without the column it is the table's own matter.
        try bench.project.write("in.csv", "id\n1\n")
        try bench.load("append", types: "id: integer")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
    }

    @Test("Numbers that 32 bits and two decimals have are loaded, and come back as they were")
    func numbers() async throws {
        let bench = try await Bench()
        _ = try await bench.query("create table kept (a float, b double(10,2), c float(7,4), d double)")
        let rows = "a,b,c,d\n0.1,12345678.91,123.4567,1e-320\n-1234.567,-0.01,0.0001,0.1\n,,,\n"
        try bench.project.write("in.csv", rows)
        try bench.load("replace", types: "a: number, b: number, c: number, d: number")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(try bench.project.read("back.csv") == rows)
    }

    @Test("A first load that fails leaves no table, and says so", arguments: ["replace", "append", "upsert, key: id"])
    func firstLoad(mode: String) async throws {
        let bench = try await Bench()
        try bench.project.write("in.csv", "id,n\n1,nan\n")
        try bench.load(mode, types: "id: integer, n: number")
        let run = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && "\(run)".contains("which MySQL has no number for"), "\(run)")
        #expect("\(run)".contains("there is no such table, as before"), "\(run)")
        #expect(!"\(run)".contains("as it was"), "\(run)")
        #expect(try await bench.query("show tables") == ["caudal_loads"])
        try bench.project.write("in.csv", "id,n\n1,5\n")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await bench.query("select id, n from kept") == ["1|5"])
    }

    @Test("A table of another engine and a column of bits are refused, and a table with a trigger is loaded")
    func obstacles() async throws {
        let bench = try await Bench()
        try bench.project.write("in.csv", "id\n1\n")
        _ = try await bench.query("create table kept (id int) engine=MyISAM")
        try bench.load("append", types: "id: integer")
        let other = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect("\(other)".contains("is stored by MyISAM, which has no transactions"), "\(other)")
        _ = try await bench.query("drop table kept; create table kept (id bit(8))")
        let bits = try await bench.project.caudal("run", "p.yaml", "--plain")
        #expect("\(bits)".contains("the column 'id' is integer, and 'shop.kept' keeps integer (bit(8))"), "\(bits)")
        _ = try await bench.query(
            "drop table kept; create table kept (id int); create table log (id int); "
                + "create trigger less after insert on kept for each row insert into log values (new.id)")
        try bench.load("replace", types: "id: integer")
        #expect(try await bench.project.caudal("run", "p.yaml").exit == .exited(0))
        #expect(try await bench.query("select * from log") == ["1"])
    }

    @Test(
        "A load that is killed in the middle leaves the old rows, and a resumption loads the new ones once",
        arguments: [
            "replace", "append", "upsert, key: id",
        ])
    func killed(mode: String) async throws {
        let bench = try await Bench()
        _ = try await bench.query("create table kept (id int primary key, n int); insert into kept values (0, 0)")
        _ = try await bench.project.query(
            "copy (select i as id, i as n from range(\(mode == "append" ? 1 : 0), 2001) r(i)) to 'typed.parquet' (format parquet)"
        )
        try bench.pipeline(
            "  typed: {path: typed.parquet}\n  kept: {connection: shop, table: kept}",
            "  load: {type: load, input: typed, output: kept, mode: \(mode)}")
        // Somebody holds the rows, so that the load stands in the middle of its transaction.
        let holder = try await bench.server.hold("select * from kept for update", in: bench.database)
        let process = try await bench.project.start("run", "p.yaml", "--json")
        let waiting =
            "select count(*) from information_schema.processlist where db = database() and time_ms > 300 "
            + "and info regexp '^(DELETE|INSERT|UPDATE|SET)'"
        while try await bench.query(waiting) != ["1"] {}
        #expect(await process.killHard() == .signaled(9))
        #expect(try await bench.query("select count(*), sum(n) from kept") == ["1|0"])
        try await bench.server.letGo(holder)
        let resumed = try await bench.project.caudal("resume", "last", "--plain")
        #expect(resumed.status == 0, "\(resumed)")
        #expect(
            try await bench.query("select count(*), sum(id) from kept")
                == ["2001|2001000"])
        #expect(try await bench.query("select count(*) from caudal_loads") == ["1"])
        #expect(try await bench.query("show tables") == ["caudal_loads", "kept"])
    }

    @Test("The password is in no file, argument or message, and a wrong one is told of with the connection")
    func password() async throws {
        let bench = try await Bench()
        _ = try await bench.query("create table kept (id int); insert into kept values (1)")
        let run = try await bench.read("kept")
        #expect(run.status == 0, "\(run)")
        let secret = String(bench.server.password.suffix(36))
        #expect(try !bench.project.everythingKept().contains(secret) && !"\(run)".contains(secret))
        let explained = try await bench.project.caudal("explain", "p.yaml", "read")
        #expect(explained.output.contains("(TYPE mysql") && !"\(explained)".contains(secret), "\(explained)")
        let other = try await Bench(password: "wrong-\(UUID().uuidString)")
        let told = try await other.read("kept")
        #expect(
            "\(told)".contains("Access denied for user 'caudal'") && "\(told)".contains("connection 'shop'"), "\(told)")
        #expect(!"\(told)".contains("wrong-"), "\(told)")
        let missing = try await bench.read("nowhere")
        #expect("\(missing)".contains("there is no table 'nowhere' in \(bench.database) at 127.0.0.1"), "\(missing)")
    }
}
