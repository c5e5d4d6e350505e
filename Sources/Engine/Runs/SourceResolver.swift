// For the times of files, whose members belong to whichever C module is read first.
import CSystem
import Foundation
import Synchronization

/// Finds the files of datasets and what is in them.
///
/// What stages of this run have published is known to the last column. Everything else is looked at: whether it is
/// there, how it is written, what its columns are. DuckDB is asked, once for each file that did not change.
package final class SourceResolver: Sendable {
    private let pipeline: Pipeline
    private let tools: DataTools
    private let tables: TableReader

    package init(pipeline: Pipeline, tools: DataTools, tables: TableReader) {
        self.pipeline = pipeline
        self.tools = tools
        self.tables = tables
    }

    /// The sources of several datasets.
    ///
    /// - Parameters:
    ///   - origins: What is known of where the data comes from.
    ///   - fill: Fills a path's references.
    package func sources(
        of names: [DatasetName], from origins: DataOrigins, fill: (Template) -> String
    ) async throws -> [DatasetName: DataSource] {
        var sources: [DatasetName: DataSource] = [:]
        for name in names where sources[name] == nil {
            guard let dataset = pipeline.dataset(name) else { throw Failure("there is no dataset '\(name)'") }
            if dataset.table != nil {
                sources[name] = try await tables.source(of: dataset)
            } else if let made = origins.made[name] {
                sources[name] = try await written(dataset, made, origins, fill)
            } else if let producer = pipeline.producer(of: name), let earlier = origins.earlier {
                sources[name] = try await lying(dataset, producer, earlier, origins, fill)
            } else {
                sources[name] = try await external(dataset, fill: fill)
            }
        }
        return sources
    }

    /// The source of a dataset that a stage wrote: with its columns where the stage knew them, as a data stage does.
    private func written(
        _ dataset: Dataset, _ made: MadeData, _ origins: DataOrigins, _ fill: (Template) -> String
    ) async throws -> DataSource {
        let marked = made.markedItems.compactMap { item in
            dataset.path.map { PathText.absolute(fill($0.filled(with: item)), in: pipeline.root) }
        }
        var files: [String] = []
        for artifact in made.artifacts {
            do {
                files.append(try origins.place(artifact, made.writer))
            } catch let failure as Failure {
                throw Failure(failure.message, remedy: failure.remedy, location: dataset.placeLocation)
            }
        }
        // Items that somebody marked as succeeded: what they stand for lies at their paths.
        for path in marked {
            let shown = PathText.relative(path, to: pipeline.root)
            guard FileText.exists(path) else {
                throw Failure(
                    "\(shown) is not there, and the item that writes it was marked as succeeded",
                    remedy: "put the file there, or retry the item", location: dataset.placeLocation)
            }
            files.append(path)
        }
        let columns = made.artifacts.first?.columns ?? []
        guard columns.isEmpty || !marked.isEmpty, !files.isEmpty else {
            return own(dataset, files, columns)
        }
        return try await inspected(files, of: dataset, announced: columns)
    }

    private func own(_ dataset: Dataset, _ files: [String], _ columns: [Column]) -> DataSource {
        DataSource(
            dataset: dataset.name, files: files, format: dataset.format ?? .parquet, csv: dataset.csv, columns: columns,
            isOwn: true)
    }

    /// The source of a dataset whose stage does not write it in this run: what lies at its path for this run's values.
    private func lying(
        _ dataset: Dataset, _ producer: Stage, _ earlier: EarlierOutputs, _ origins: DataOrigins,
        _ fill: (Template) -> String
    ) async throws -> DataSource {
        guard let path = dataset.path else { return try await external(dataset, fill: fill) }
        let pattern = PathText.absolute(fill(path), in: pipeline.root)
        let found: [EarlierOutputs.File]
        do {
            found = try earlier.files(of: dataset, writtenBy: producer, at: pattern)
        } catch let failure as Failure {
            throw Failure(failure.message, remedy: failure.remedy, location: dataset.placeLocation)
        }
        guard !found.isEmpty else {
            let shown = PathText.relative(pattern, to: pipeline.root)
            if let reason = origins.absent[dataset.name] {
                throw Failure(
                    "there is no \(shown), and \(reason)", remedy: "put the file there, or retry '\(producer.id)'",
                    location: dataset.placeLocation)
            }
            throw Failure(
                "there is no \(shown), and '\(producer.id)', which writes it, does not run in this run",
                remedy: "run it too: --select '+\(producer.id)' with what you select", location: dataset.placeLocation)
        }
        for file in found { origins.tell(file) }
        let columns = found.first?.publication?.artifact.columns ?? []
        if !columns.isEmpty, found.allSatisfy({ $0.publication?.artifact.columns == columns }) {
            return own(dataset, found.map(\.path), columns)
        }
        return try await inspected(found.map(\.path), of: dataset, announced: columns)
    }

    // MARK: - Files of others

    private func external(_ dataset: Dataset, fill: (Template) -> String) async throws -> DataSource {
        guard case .path(let template, _) = dataset.place else {
            return try await tables.source(of: dataset)
        }
        let pattern = PathText.absolute(fill(template), in: pipeline.root)
        let files = try Self.files(matching: pattern, of: dataset, root: pipeline.root)
        return try await inspected(files, of: dataset)
    }

    /// The source of files that were published of a dataset, their columns looked at.
    package func source(published files: [String], of dataset: Dataset) async throws -> DataSource {
        try await inspected(files, of: dataset)
    }

    /// The source of an output that lies at its staging place, its columns looked at.
    package func source(staged path: String, of dataset: Dataset) async throws -> DataSource {
        try await inspected([path], of: dataset)
    }

    /// A source of files whose columns are looked at, though a stage of the pipeline would have written some of them.
    ///
    /// - Parameter announced: The columns that the stage writes; empty where they are not known.
    private func inspected(
        _ files: [String], of dataset: Dataset, announced: [Column]
    ) async throws -> DataSource {
        var source = try await inspected(files, of: dataset)
        guard source.format != .parquet, !announced.isEmpty else { return source }
        guard source.columnNames == announced.map(\.name) else {
            throw Failure(
                "\(PathText.relative(files.first ?? "", to: pipeline.root)) has the columns "
                    + "\(source.columnNames.joined(separator: ", ")), and the stage that writes it gives "
                    + "\(announced.map(\.name).joined(separator: ", "))",
                remedy: "write it with these columns in this order", location: dataset.placeLocation)
        }
        source.columns = announced
        return source
    }

    /// A source of files whose columns are looked at.
    private func inspected(_ files: [String], of dataset: Dataset) async throws -> DataSource {
        let key = SeenSources.key(dataset, files)
        if let source = tools.seen[key] { return source }
        for file in files where dataset.format != .parquet {
            do throws(Failure) {
                try await CompressedFile.check(
                    file, named: PathText.relative(file, to: pipeline.root), reactor: tools.reactor)
            } catch {
                throw Failure(error.message, remedy: error.remedy, location: dataset.placeLocation)
            }
        }
        var source = DataSource(
            dataset: dataset.name, files: files, format: dataset.format ?? .csv, csv: dataset.csv, columns: [],
            isOwn: false)
        try await inspect(&source, dataset)
        if source.columnNames.contains(DataSource.rowColumn) {
            throw Failure(
                "\(PathText.relative(files.first ?? "", to: pipeline.root)) has a column '\(DataSource.rowColumn)', and "
                    + "that is the name under which rows are numbered here", remedy: "give the column another name",
                location: dataset.placeLocation)
        }
        tools.seen[key] = source
        return source
    }

    /// The files a path means, sorted; every one is there, is a file and has something in it.
    static func files(matching pattern: String, of dataset: Dataset, root: String) throws -> [String] {
        let shown = PathText.relative(pattern, to: root)
        var files = [pattern]
        if pattern.contains(where: { "*?[".contains($0) }) {
            files = Glob.files(matching: pattern)
            if files.isEmpty {
                throw Failure("no file matches \(shown)", remedy: remedy(dataset), location: dataset.placeLocation)
            }
        }
        for file in files {
            let name = PathText.relative(file, to: root)
            var status = stat()
            guard stat(file, &status) == 0 else {
                let reason = errno == ENOENT ? "is not there" : "cannot be opened: \(String(cString: strerror(errno)))"
                throw Failure("the input \(name) \(reason)", remedy: remedy(dataset), location: dataset.placeLocation)
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                throw Failure(
                    "the input \(name) is a folder",
                    remedy: "name the files in it, such as \(name)/*.\(dataset.format?.rawValue ?? "csv")",
                    location: dataset.placeLocation)
            }
            if status.st_mode & S_IFMT != S_IFREG {
                throw Failure("the input \(name) is no file", remedy: remedy(dataset), location: dataset.placeLocation)
            }
            if access(file, R_OK) != 0 {
                throw Failure(
                    "the input \(name) may not be read: \(String(cString: strerror(errno)))",
                    location: dataset.placeLocation)
            }
            if status.st_size == 0 {
                throw Failure(
                    "the input \(name) is empty: it has not even a header",
                    remedy: "look at what should have written it",
                    location: dataset.placeLocation)
            }
        }
        return files
    }

    private static func remedy(_ dataset: Dataset) -> String {
        "put it there, or change the path of dataset '\(dataset.name)'"
    }

    // MARK: - What is in them

    private func inspect(_ source: inout DataSource, _ dataset: Dataset) async throws {
        if source.format == .csv, source.csv.encoding == nil || source.csv.encoding == "utf-16" {
            source.csv.encoding = try encoding(of: source.files[0], dataset) ?? source.csv.encoding
        }
        let sql = DuckDBDialect()
        var script = SQLScript(title: "what is in \(dataset.name)")
        if source.format == .csv {
            for index in source.files.indices { addFirstLines(1, of: index, source, to: &script) }
        } else {
            let list = "[" + source.files.map(sql.text).joined(separator: ", ") + "]"
            var reader = "read_parquet(\(list))"
            if source.format != .parquet {
                // A line that cannot be read is a matter of the stage that reads it, which counts it.
                let layout = source.format == .jsonl ? "'newline_delimited', ignore_errors = true" : "'auto'"
                reader =
                    "read_json(\(list), format = \(layout), sample_size = -1, union_by_name = true, "
                    + "map_inference_threshold = -1)"
                // Where a line is no object, the description is that of one column for everything.
                script.add(
                    "the keys",
                    "SELECT 'key' AS caudal, unnest(json_keys(structure)) AS name\nFROM (SELECT json_group_structure(json) "
                        + "AS structure\n      FROM \(source.jsonReader(sql)) WHERE json_type(json) = 'OBJECT')")
            }
            script.add("the columns", OutputSQL.describe("SELECT * FROM \(reader)"))
        }
        // Where there is no DuckDB, that is the fault, and not the file.
        _ = try await tools.program()
        let readings: DataReadings
        do throws(Failure) {
            readings = try await tools.ask(script, reading: source.files)
        } catch {
            let files = source.files.map { PathText.relative($0, to: pipeline.root) }.joined(separator: ", ")
            throw Failure(
                "\(files.shortened(to: 200)) cannot be read: \(error.message)",
                remedy: error.remedy ?? "check that it is a \(source.format.rawValue) file",
                location: dataset.placeLocation)
        }
        if source.format == .csv {
            try await readHeaders(&source, dataset, readings)
        } else if source.format == .parquet {
            source.columns = OutputSQL.columns(readings)
        } else {
            let types = Dictionary(OutputSQL.columns(readings).map { ($0.name, $0.type) }) { first, _ in first }
            let keys = readings.rows("key").compactMap { $0.text("name") }
            let mixed = keys.filter { (types[$0] ?? .other("JSON")) == .other("JSON") }
            source.mixedColumns = Set(mixed)
            source.columns = keys.map { Column($0, source.mixedColumns.contains($0) ? .text : types[$0] ?? .text) }
        }
    }

    /// Adds the statement that gives the first lines of a CSV file.
    private func addFirstLines(_ count: Int, of index: Int, _ source: DataSource, to script: inout SQLScript) {
        let sql = DuckDBDialect()
        // A file whose values nothing divides: each line comes whole.
        let reader =
            "read_csv(\(sql.text(source.files[index])), header = false, auto_detect = false, columns = {'line': 'VARCHAR'}, "
            + "delim = E'\\x01', quote = '', escape = '', encoding = \(sql.text(source.csv.encoding ?? "utf-8")), "
            + "null_padding = true, strict_mode = false)"
        script.add(
            "the first lines", "SELECT 'header' AS caudal, \(index) AS file, line FROM \(reader) LIMIT \(count)")
    }

    /// The header of each file, which goes over several lines where a name does.
    private func headers(
        of source: DataSource, _ dataset: Dataset, _ readings: DataReadings, quote: Character
    ) async throws -> [String] {
        func lines(_ index: Int, _ readings: DataReadings) -> [String] {
            readings.rows("header").filter { $0.integer("file") == Int64(index) }.map { $0.text("line") ?? "" }
        }
        var headers: [String] = []
        for index in source.files.indices {
            var found = lines(index, readings)
            if let first = found.first, !CSVHeader.isWhole(first, quote: quote) {
                var script = SQLScript(title: "the header of \(dataset.name)")
                addFirstLines(Self.headerLines, of: index, source, to: &script)
                found = lines(index, try await tools.ask(script, reading: source.files))
            }
            guard let header = CSVHeader.record(of: found, quote: quote) else {
                throw Failure(
                    "the first line of \(PathText.relative(source.files[index], to: pipeline.root)) is blank",
                    remedy: "begin the file with its header", location: dataset.placeLocation)
            }
            headers.append(header)
        }
        return headers
    }

    private func readHeaders(
        _ source: inout DataSource, _ dataset: Dataset, _ readings: DataReadings
    ) async throws {
        guard let quote = source.csv.quote.first else { return }
        let lines = try await headers(of: source, dataset, readings, quote: quote)
        guard let first = lines.first else { return }
        if source.csv.delimiter == nil { source.csv.delimiter = CSVHeader.delimiter(of: first, quote: quote) }
        guard let delimiter = source.csv.delimiter?.first else { return }
        guard source.csv.hasHeader else {
            source.columns = source.csv.columns.map { Column($0, .text) }
            return
        }
        let names = CSVHeader.values(of: first, delimiter: delimiter, quote: quote)
        let file = PathText.relative(source.files[0], to: pipeline.root)
        if let fault = CSVHeader.fault(in: names) {
            throw Failure(
                "the header of \(file) cannot be used: \(fault)", remedy: "mend its first line",
                location: dataset.placeLocation)
        }
        for (index, line) in lines.enumerated().dropFirst() {
            let others = CSVHeader.values(of: line, delimiter: delimiter, quote: quote)
            guard others != names else { continue }
            let other = PathText.relative(source.files[index], to: pipeline.root)
            let difference =
                others.first { !names.contains($0) }.map { "has a column '\($0)'" }
                ?? names.first { !others.contains($0) }.map { "has no column '\($0)'" }
                ?? "has its columns in another order"
            throw Failure(
                "\(other) \(difference), unlike \(file)", remedy: "files of one dataset need the same header",
                location: dataset.placeLocation)
        }
        source.columns = names.map { Column($0, .text) }
    }

    /// How many lines a header may have.
    private static let headerLines = 100

    /// The encoding that a file's first bytes tell; nil for UTF-8, which has no mark or a harmless one.
    private func encoding(of path: String, _ dataset: Dataset) throws(Failure) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = [0, 0]
        guard read(descriptor, &bytes, 2) == 2 else { return nil }
        if bytes == [0xFE, 0xFF] {
            throw Failure(
                "\(PathText.relative(path, to: pipeline.root)) is UTF-16 with the high byte first, which cannot be read",
                remedy: "turn it into UTF-8: iconv -f UTF-16 -t UTF-8", location: dataset.placeLocation)
        }
        return bytes == [0xFF, 0xFE] ? "utf-16" : nil
    }
}

/// What was found in files, for as long as they do not change: what is asked before a run need not be asked in it.
package final class SeenSources: Sendable {
    private let sources = Mutex<[String: DataSource]>([:])

    package init() {}

    /// Datasets that are written in different ways are different, also when they are the same files.
    fileprivate static func key(_ dataset: Dataset, _ files: [String]) -> String {
        ([dataset.name.rawValue, dataset.definitionText] + files.map(version)).joined(separator: "\n")
    }

    private static func version(_ path: String) -> String {
        var status = stat()
        stat(path, &status)
        let (changed, touched) = (status.st_mtim, status.st_ctim)
        return "\(path) \(status.st_ino) \(status.st_size) \(changed.tv_sec).\(changed.tv_nsec) "
            + "\(touched.tv_sec).\(touched.tv_nsec)"
    }

    fileprivate subscript(key: String) -> DataSource? {
        get { sources.withLock { $0[key] } }
        set { sources.withLock { $0[key] = newValue } }
    }
}

/// Files by pattern.
package enum Glob {
    /// The files that match a pattern with `*`, `?` and `[…]`, sorted by name.
    package static func files(matching pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }

    /// Whether a path is one of those that a pattern means.
    package static func matches(_ path: String, _ pattern: String) -> Bool { fnmatch(pattern, path, FNM_PATHNAME) == 0 }
}
