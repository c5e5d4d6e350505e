// Imported for `poll`: its members belong to whichever C module is imported first.
package import CaudalModel
import CSystem
import Foundation
import Synchronization

/// Lets DuckDB parse queries, all queries of a file in one process.
///
/// Answers are kept as long as this object lives, and in the project's state folder if there is one, so that the same
/// text is parsed only once.
package final class QueryParser: QueryReader {
    private let known = Mutex<[String: Result<QueryReading, QueryReading.Fault>]>([:])

    package init() {}

    package var dialect: any SQLDialect { DuckDBDialect() }

    /// Parses queries, and returns what each reads.
    ///
    /// - Parameters:
    ///   - root: The project's root, where DuckDB may be installed.
    ///   - variables: The process's environment, by which DuckDB is found too.
    /// - Throws: ``Failure`` when DuckDB is not found or does not answer.
    package func readings(
        of texts: [String], root: String, variables: [String: String]
    ) throws(Failure) -> [String: Result<QueryReading, QueryReading.Fault>] {
        let wanted = Set(texts)
        let program = try DuckDBProgram.find(root: root, variables: variables)
        let cache = QueryCache(program: program, root: root, variables: variables)
        var kept = cache.contents
        known.withLock { known in
            for (text, reading) in kept.readings where known[text] == nil { known[text] = .success(reading) }
        }
        let unknown = wanted.subtracting(known.withLock { Set($0.keys) }).sorted()
        guard !unknown.isEmpty else { return known.withLock { $0 } }
        let found = try ask(unknown, program, &kept.functions)
        known.withLock { $0.merge(found) { $1 } }
        for (text, reading) in found { kept.readings[text] = try? reading.get() }
        cache.keep(kept, first: wanted)
        return known.withLock { $0 }
    }

    // MARK: - The question

    /// Functions without arguments that return a constant; other functions without arguments depend on the clock or the
    /// session.
    private static let constants = "'pi', 'version', 'map', 'list_pack', 'list_value', 'error'"

    private static let questions = """
        SELECT 'volatile ' || function_name FROM duckdb_functions() WHERE function_type = 'scalar' AND \
        (stability <> 'CONSISTENT' OR len(parameter_types) = 0 AND varargs IS NULL) \
        AND function_name NOT IN (\(constants));
        SELECT 'aggregate ' || function_name FROM duckdb_functions() WHERE function_type = 'aggregate';
        SELECT 'macro ' || function_name || ' ' || macro_definition FROM duckdb_functions() \
        WHERE function_type = 'macro' AND macro_definition NOT LIKE '%' || chr(10) || '%';
        """

    /// - Parameter functions: What is known of the engine's functions; filled in when it is nothing.
    private func ask(
        _ texts: [String], _ program: String, _ functions: inout EngineFunctions
    ) throws(Failure) -> [String: Result<QueryReading, QueryReading.Fault>] {
        let questions = texts.map { "SELECT 'query ' || json_serialize_sql(\(Self.literal($0)));" }
        let head = [".mode list", ".headers off"] + (functions.volatile.isEmpty ? [Self.questions] : [])
        let script = (head + questions + [".print end"]).joined(separator: "\n")
        let lines = try Self.run(program, script).split(separator: UInt8(ascii: "\n"))
        func bodies(_ kind: String) -> [ArraySlice<UInt8>] {
            lines.filter { $0.starts(with: Array("\(kind) ".utf8)) }.map { $0.dropFirst(kind.utf8.count + 1) }
        }
        let trees = bodies("query")
        guard lines.last.map({ $0.elementsEqual("end".utf8) }) == true, trees.count == texts.count else {
            throw Failure(
                "\(program) does not parse queries as duckdb \(DuckDBProgram.pinned) does: "
                    + String(decoding: lines.last ?? [], as: UTF8.self).shortened(to: 200),
                remedy: "put the native program of duckdb \(DuckDBProgram.pinned) in its place")
        }
        func names(_ kind: String) -> [String] { bodies(kind).map { String(decoding: $0, as: UTF8.self).lowercased() } }
        functions.volatile.formUnion(names("volatile"))
        functions.aggregates.formUnion(names("aggregate"))
        for body in bodies("macro") {
            // A macro is what the functions are that its definition names.
            let parts = String(decoding: body, as: UTF8.self).split(separator: " ", maxSplits: 1).map(String.init)
            guard let name = parts.first, parts.count == 2 else { continue }
            let words = Set(SQLText.words(in: parts[1]).map { $0.lowercased() })
            if !words.isDisjoint(with: functions.volatile.union(["current_timestamp", "current_date"])) {
                functions.volatile.insert(name)
            }
            if !words.isDisjoint(with: functions.aggregates) { functions.aggregates.insert(name) }
        }
        var found: [String: Result<QueryReading, QueryReading.Fault>] = [:]
        for (text, tree) in zip(texts, trees) {
            do throws(QueryReading.Fault) {
                found[text] = .success(try QueryReading(tree: tree, of: text, functions: functions))
            } catch {
                found[text] = .failure(error)
            }
        }
        return found
    }

    /// A text literal on one line: the program would take a line that begins with a dot for a command.
    private static func literal(_ text: String) -> String {
        // After a backslash, the program takes a doubled quotation mark for the end of the text, and what follows, such
        // as `--`, for a comment.
        let escaped = text.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "'", with: "''").replacing(
            scalar: "\n", with: "\\n"
        )
        .replacing(scalar: "\r", with: "\\r").replacing(scalar: "\0", with: "")
        return "E'\(escaped)'"
    }

    // MARK: - The process

    /// Runs the program and blocks until it ends: while a file is read there is no other work to do.
    private static func run(_ program: String, _ script: String) throws(Failure) -> [UInt8] {
        let input = try scratchFile(Array((script + "\n").utf8))
        let output = try scratchFile([])
        defer {
            close(input)
            close(output)
        }
        let words = [program, "-no-init", "-batch"]
        let variables = ["HOME=/nonexistent", "TZ=UTC"]
        let arguments = words.map { strdup($0) } + [nil]
        let environment = variables.map { strdup($0) } + [nil]
        defer { for text in arguments + environment { free(text) } }
        // In a process group of its own, so that its children can be ended with it.
        let child = cs_spawn(program, arguments, environment, "/", input, output, output, 0)
        guard child > 0 else {
            throw Failure("\(program) cannot be started", errno: -child)
        }
        let watch = cs_pidfd_open(child)
        guard watch >= 0 else {
            kill(-child, SIGKILL)
            waitpid(child, nil, 0)
            throw Failure("\(program) cannot be waited for", errno: -watch)
        }
        var polled = [pollfd(fd: watch, events: Int16(POLLIN), revents: 0)]
        var ready: Int32
        repeat { ready = poll(&polled, 1, Int32(ToolRun.patience.milliseconds)) } while ready < 0 && errno == EINTR
        if ready == 0 { kill(-child, SIGKILL) }
        close(watch)
        // It has ended, even if other code reaped it first.
        var status: Int32 = 0
        waitpid(child, &status, 0)
        if ready == 0 {
            throw Failure(
                "'\(words.joined(separator: " "))' did not answer within \(ToolRun.patience.short) and was ended",
                remedy: "run it by hand to see what it waits for; it parses the queries of the file")
        }
        let signal = status & 0x7F
        if signal != 0 {
            throw Failure(
                "\(program) was ended by signal \(signal) while it parsed the queries of the file",
                remedy: "look whether memory was short, then try again")
        }
        return try contents(of: output)
    }

    /// An unnamed file with these bytes, positioned at its beginning.
    private static func scratchFile(_ bytes: [UInt8]) throws(Failure) -> Int32 {
        var template = Array((NSTemporaryDirectory() + "caudal-query-XXXXXX").utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else {
            throw Failure(
                "no file can be made in \(NSTemporaryDirectory()), where TMPDIR says that passing files go",
                errno: errno,
                remedy: "set TMPDIR to a folder in which this user may write")
        }
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        unlink(template)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            guard count > 0 else {
                let reason = Failure.words(ofErrno: errno)
                close(file)
                throw Failure("a file in \(NSTemporaryDirectory()) cannot be written: \(reason)")
            }
            rest = rest.dropFirst(count)
        }
        lseek(file, 0, SEEK_SET)
        return file
    }

    private static func contents(of file: Int32) throws(Failure) -> [UInt8] {
        lseek(file, 0, SEEK_SET)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0 { throw Failure("the answer of duckdb cannot be read", errno: errno) }
            if count == 0 { return bytes }
            bytes += buffer.prefix(count)
        }
    }
}
