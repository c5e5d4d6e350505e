import CaudalModel
import CSystem
import Foundation
import Synchronization

/// Inspects CSV files that Caudal did not write: their dialect, their columns, and whether every reader would find the
/// same rows in them.
struct CSVInspection {
    let tools: DataTools
    /// The project's root, for file names in messages.
    let root: String

    /// The beginning of a file.
    private struct Head: Sendable {
        var bytes: [UInt8] = []
        /// Whether it is the whole file.
        var isWhole = true

        mutating func take(_ more: UnsafeRawBufferPointer) {
            let room = CSVInspection.headLimit - bytes.count
            if room > 0 { bytes += more.prefix(room) }
            if more.count > room { isWhole = false }
        }
    }

    /// What all bytes of a file show.
    private struct Look: Sendable {
        var ends = cs_line_ends()
        var oddities = cs_oddities()

        mutating func take(_ bytes: UnsafeRawBufferPointer) {
            cs_find_line_ends(bytes.baseAddress, bytes.count, &ends)
            cs_find_oddities(bytes.baseAddress, bytes.count, &oddities)
        }

        /// Whether all lines, including those within quotation marks, end in the same one of the two ways that DuckDB
        /// knows.
        private var endsAlike: Bool { ends.has_feed + ends.has_pair <= 1 && ends.has_return | ends.after_return == 0 }

        /// Whether there are records that are not single lines, or quotation marks that readers interpret differently.
        var isOdd: Bool {
            !endsAlike || oddities.has_odd_quote == 1 || oddities.has_other_lines == 1 || oddities.is_open == 1
        }
    }

    /// What the first lines of a file show.
    private struct FirstLines {
        var names: [String]
        var notes: [String]
        var isPlain: Bool
    }

    /// How many bytes of a file are read to find its header.
    private static let headLimit = 1 << 20

    func inspect(_ source: inout DataSource, _ dataset: Dataset) async throws {
        var files: [FirstLines] = []
        var copied: Set<Int> = []
        for (index, file) in source.files.enumerated() {
            let head = try await head(of: file)
            let encoding = try encoding(head.bytes, dataset, file)
            if index == 0 { source.csv.encoding = encoding }
            if encoding != source.csv.encoding, source.csv.encoding?.hasPrefix("utf-16") == true {
                throw Failure(
                    "\(shown(file)) is not written as \(shown(source.files[0])) is, which is UTF-16 in another order of bytes",
                    remedy: "write the files of '\(dataset.name)' in one encoding", location: dataset.placeLocation)
            }
            let text = try Self.utf8(head.bytes, source.csv)
            files.append(try firstLines(of: file, text, head.isWhole, &source.csv, dataset))
            // DuckDB reads few encodings, and of UTF-16 only one byte order and not all characters.
            let isForced = source.csv.skip > 0 || source.csv.comment != nil || source.csv.isRecoded
            if !files[index].isPlain || isForced || !CompressedFile.isReadByDuckDB(file) {
                copied.insert(index)
            } else if try await isOdd(file, source.csv) {
                copied.insert(index)
            }
        }
        try unite(&source, files, dataset)
        for (index, file) in files.enumerated() where file.names != source.columnNames { copied.insert(index) }
        // Without headers, either all files are copied or none, because DuckDB expects the same line ends in all of
        // them.
        let isShared = !source.csv.hasHeader && !copied.isEmpty
        for index in isShared ? Set(source.files.indices) : copied {
            var rules = PlainCSV.Rules(source.csv, columns: source.columns.count)
            let names = files[index].names
            rules.width = names.count
            if source.csv.hasHeader {
                let header = source.columns.indices.map { "c\($0 + 1)" }.joined(separator: source.csv.delimiter ?? ",")
                rules.header = Array(header.utf8)
            }
            if names != source.columnNames { rules.places = source.columnNames.map { names.firstIndex(of: $0) } }
            source.copies[index] = .text(rules)
        }
    }

    private func shown(_ file: String) -> String { PathText.relative(file, to: root) }

    // MARK: - Bytes

    private func head(of file: String) async throws -> Head {
        let found = Mutex(Head())
        // One byte more tells whether it is the whole file.
        try await Self.read(file, upTo: Self.headLimit + 1, named: shown(file), reactor: tools.reactor) { bytes in
            found.withLock { $0.take(bytes) }
        }
        return found.withLock { $0 }
    }

    /// Reads the bytes of a file, decompressed.
    ///
    /// - Parameter limit: How many bytes are enough, for those who can do with less than all; there may be more.
    static func read(
        _ file: String, upTo limit: Int = .max, named name: String, reactor: ProcessReactor,
        _ take: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) async throws {
        if CompressedFile.isCalled(file) {
            return try await CompressedFile.read(file, named: name, reactor: reactor, take)
        }
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure("\(name) cannot be opened", errno: errno)
        }
        defer { close(descriptor) }
        let size = 1 << 20
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { buffer.deallocate() }
        var rest = limit
        while rest > 0 {
            let count = Foundation.read(descriptor, buffer.baseAddress, min(size, rest))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure("\(name) cannot be read", errno: errno) }
            if count == 0 { return }
            take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            rest -= count
        }
    }

    /// Whether readers would find different rows in a file.
    private func isOdd(_ file: String, _ csv: CSVDialect) async throws -> Bool {
        var look = Look()
        look.oddities.delimiter = csv.delimiter?.utf8.first ?? UInt8(ascii: ",")
        look.oddities.quote = csv.quote.utf8.first ?? UInt8(ascii: "\"")
        look.oddities.escape = csv.escape.utf8.first ?? look.oddities.quote
        let found = Mutex(look)
        try await Self.read(file, named: shown(file), reactor: tools.reactor) { bytes in
            found.withLock { $0.take(bytes) }
        }
        return found.withLock { $0.isOdd }
    }

    /// The encoding that a file's first bytes show, or the given one.
    ///
    /// - Throws: ``Failure`` for UTF-16 whose order of bytes nothing shows.
    private func encoding(_ head: [UInt8], _ dataset: Dataset, _ file: String) throws(Failure) -> String? {
        let given = dataset.csv.encoding
        guard given == nil || given == "utf-16" else { return given }
        if head.starts(with: [0xFE, 0xFF]) { return "utf-16be" }
        if head.starts(with: [0xFF, 0xFE]) { return "utf-16" }
        if given == nil { return nil }
        // Without a mark, the zeros of ASCII characters, such as delimiters and line ends, tell it.
        var (little, big) = (0, 0)
        for place in stride(from: 0, to: head.count - 1, by: 2) {
            if head[place + 1] == 0, head[place] != 0, head[place] < 0x80 { little += 1 }
            if head[place] == 0, head[place + 1] != 0, head[place + 1] < 0x80 { big += 1 }
        }
        guard little != big else {
            throw Failure(
                "\(shown(file)) does not look like UTF-16: it begins with no mark of the order of its bytes, and they show none",
                remedy: "leave 'encoding' out if it is UTF-8, or begin it with such a mark",
                location: dataset.placeLocation)
        }
        return big > little ? "utf-16be" : "utf-16"
    }

    private static func utf8(_ head: [UInt8], _ csv: CSVDialect) throws(Failure) -> [UInt8] {
        var text = head
        if var recoded = try RecodedText(csv) {
            text = head.withUnsafeBytes { recoded.utf8($0) }
        } else if csv.encoding == "latin-1" {
            text = head.flatMap { Array(String(Unicode.Scalar($0)).utf8) }
        }
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text.removeFirst(3) }
        return text
    }

    // MARK: - The first lines

    private func firstLines(
        of file: String, _ text: [UInt8], _ isWhole: Bool, _ csv: inout CSVDialect, _ dataset: Dataset
    ) throws -> FirstLines {
        func fault(_ message: String, _ remedy: String) -> Failure {
            Failure(message, remedy: remedy, location: dataset.placeLocation)
        }
        var rest = text[...]
        var number = 1
        func line() -> ArraySlice<UInt8> { rest.prefix { $0 != 0x0A && $0 != 0x0D } }
        func passLine() {
            rest = rest.dropFirst(line().count)
            rest = rest.dropFirst(rest.starts(with: [0x0D, 0x0A]) ? 2 : 1)
            number += 1
        }
        while number <= csv.skip, !rest.isEmpty { passLine() }
        // A blank line is no row; where a header is expected it counts as the header.
        func isPassedOver() -> Bool {
            guard let byte = rest.first else { return false }
            return byte == csv.comment?.utf8.first || !csv.hasHeader && (byte == 0x0A || byte == 0x0D)
        }
        var hasBlankLines = false
        while isPassedOver() {
            if line().isEmpty { hasBlankLines = true }
            passLine()
        }
        let first = String(decoding: line(), as: UTF8.self)
        let name = shown(file)
        if first.trimmed.isEmpty {
            throw fault(
                number == 1
                    ? "the first line of \(name) is blank, or the file holds nothing"
                    : "line \(number) of \(name), which should be its \(csv.hasHeader ? "header" : "first row"), is blank",
                csv.hasHeader
                    ? "begin the file with its header, or say with 'csv: {skip: …}' how many lines stand before it"
                    : "say with 'csv: {skip: …}' how many lines stand before the first row")
        }
        if first.lowercased().hasPrefix("sep="), first.utf8.count == 5 {
            throw fault(
                "line \(number) of \(name) is no header: it says '\(first)', as Excel does",
                "leave it out with 'csv: {skip: \(number)}', and write 'delimiter: \"\(first.suffix(1))\"'")
        }
        if csv.delimiter == nil { csv.delimiter = CSVHeader.delimiter(of: first, quote: csv.quote.first ?? "\"") }
        guard csv.hasHeader else {
            let isPlain = (try? CSVHeader(rest, csv, line: number, isWhole: isWhole))?.isPlain ?? false
            return FirstLines(names: csv.columns, notes: [], isPlain: isPlain && !hasBlankLines)
        }
        let header: CSVHeader
        do throws(CSVHeader.Fault) {
            header = try CSVHeader(rest, csv, line: number, isWhole: isWhole)
        } catch {
            throw fault("the header of \(name) cannot be used: \(error.message)", error.remedy)
        }
        if !csv.columns.isEmpty {
            guard csv.columns.count == header.values.count else {
                throw fault(
                    "\(name) has \(header.values.count.counted("column")), and 'columns' names \(csv.columns.count)",
                    "name every column of the file in order")
            }
            return FirstLines(names: csv.columns, notes: [], isPlain: header.isPlain)
        }
        if let broken = header.values.firstIndex(where: { $0.contains("\0") }) {
            throw fault(
                "the header of \(name) cannot be used: the name of its column \(broken + 1) holds a NUL character, so that the "
                    + "file is not \(CSVRemedy.name(of: csv.encoding)) text",
                CSVRemedy.encoding(insteadOf: csv.encoding))
        }
        let (names, notes) = CSVHeader.names(header.values)
        return FirstLines(names: names, notes: notes.map { "\(name): \($0)" }, isPlain: header.isPlain)
    }

    /// Unites the columns of all files.
    private func unite(_ source: inout DataSource, _ files: [FirstLines], _ dataset: Dataset) throws {
        var names: [String] = []
        for file in files { names += file.names.filter { !names.contains($0) } }
        if let fault = CSVHeader.fault(in: names) {
            throw Failure(
                "the files of '\(dataset.name)' cannot be united by the names of their columns: \(fault)",
                remedy: "write the names alike", location: dataset.placeLocation)
        }
        source.notes += files.first?.notes ?? []
        let union = ColumnUnion(dataset: dataset, files: source.files.map(shown))
        source.notes += try union.differences(files.map(\.names))
        source.columns = names.map { Column($0, .text) }
    }
}

extension DataSource {
    /// The source with plain copies in `folder` of those files that need one.
    ///
    /// - Throws: ``Failure`` for a file that cannot be read or decompressed.
    package func madePlain(in folder: String, _ tools: DataTools) async throws -> DataSource {
        if copies.isEmpty { return self }
        return try await PlainCopies(reactor: tools.reactor).made(of: self, in: folder)
    }
}

/// Makes plain copies of the files of a source that need one.
struct PlainCopies {
    let reactor: ProcessReactor

    /// The source with its copies in `folder`.
    func made(of source: DataSource, in folder: String) async throws -> DataSource {
        var copies: [Int: DataSource.Copy] = [:]
        for (index, rules) in source.copies.sorted(by: { $0.key < $1.key }) {
            let place = "\(folder)/\(index)"
            do {
                try FileManager.default.createDirectory(
                    atPath: place, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw Failure("the folder \(place) cannot be made: \(error.reason)")
            }
            var name = PathText.lastComponent(of: source.files[index])
            if CompressedFile.isCalled(name) {
                name = String(name.prefix(upTo: name.lastIndex(of: ".") ?? name.endIndex))
            }
            let lines = "\(place)/lines"
            let opened: Int?
            switch rules {
            case .text(let rules):
                opened = try await copy(
                    source.files[index], rules, try RecodedText(source.csv), to: "\(place)/\(name)", lines: lines)
            case .sheet(let rules):
                try copySheet(of: source.files[index], rules, to: "\(place)/\(name)", lines: lines)
                opened = nil
            }
            if let opened {
                throw BrokenLines.openQuote(line: opened, of: PathText.lastComponent(of: source.files[index]))
            }
            copies[index] = DataSource.Copy(file: "\(place)/\(name)", lines: lines)
        }
        var plain = source.reading(copies)
        if source.csv.isRecoded {
            plain.recodedFrom = source.csv.encoding
            plain.csv.encoding = "utf-8"
        }
        return plain
    }

    /// The progress of a copy.
    private struct CopyInProgress {
        var plain: PlainCSV
        var wide: RecodedText?
        /// Whether no bytes have come yet: the first ones may be a byte order mark.
        var isFirst = true
    }

    /// Copies a file, and returns the line of a quotation mark that is never closed.
    private func copy(
        _ file: String, _ rules: PlainCSV.Rules, _ wide: RecodedText?, to path: String, lines: String
    ) async throws -> Int? {
        let (text, numbers) = (try OutputBytes(path), try OutputBytes(lines))
        let plain = PlainCSV(rules, write: text.write, writeLines: numbers.write)
        let writing = Mutex(CopyInProgress(plain: plain, wide: wide))
        try await CSVInspection.read(file, named: PathText.lastComponent(of: file), reactor: reactor) { bytes in
            writing.withLock { writing in
                var text = writing.wide?.utf8(bytes) ?? []
                let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
                if writing.isFirst, writing.wide != nil || bytes.starts(with: mark) {
                    if writing.wide == nil { text = Array(bytes) }
                    if text.starts(with: mark) { text.removeFirst(3) }
                    text.withUnsafeBytes { writing.plain.take($0) }
                } else if writing.wide != nil {
                    text.withUnsafeBytes { writing.plain.take($0) }
                } else {
                    writing.plain.take(bytes)
                }
                writing.isFirst = false
            }
        }
        let opened = writing.withLock { writing in
            writing.wide?.rest().withUnsafeBytes { writing.plain.take($0) }
            writing.plain.finish()
            return writing.plain.openedLine
        }
        for output in [text, numbers] {
            if let problem = output.problem { throw Failure("a copy of \(file) cannot be written: \(problem)") }
        }
        return opened
    }
}

/// A file that is written as a stream; the first error is kept.
final class OutputBytes: Sendable {
    private let descriptor: Int32
    private let code = Mutex<Int32>(0)

    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be written", errno: errno) }
    }

    deinit { close(descriptor) }

    var problem: String? { code.withLock { $0 == 0 ? nil : Failure.words(ofErrno: $0) } }

    @Sendable func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return code.withLock { $0 = errno } }
                rest = rest.dropFirst(count)
            }
        }
    }
}
