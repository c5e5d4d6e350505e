import CaudalModel
import CSystem
import Foundation

/// Checks that a compressed file is complete.
///
/// DuckDB reads a truncated file as far as it goes without an error, so that rows would be lost silently.
enum CompressedFile {
    /// Checks that a file is complete; an uncompressed file always is.
    ///
    /// - Throws: ``Failure`` when it is truncated, damaged or not compressed as its name says.
    static func check(_ path: String, named name: String, reactor: ProcessReactor) async throws(Failure) {
        let remedy = "have it copied or written again"
        let kind = kind(path)
        if let ending = kind?.rawValue, !path.hasSuffix(ending) {
            throw Failure(
                "\(name) ends in capitals, and DuckDB unpacks what ends in '\(ending)'", remedy: "give it that ending")
        }
        switch kind {
        case .zst:
            guard let window = zstandardWindow(path) else {
                throw Failure("\(name) is no whole Zstandard file: it was cut off or is damaged", remedy: remedy)
            }
            if window > widestWindow {
                throw Failure(
                    "\(name) is compressed with a window of \(window.shortBytes), and DuckDB reads those of up to "
                        + "\(widestWindow.shortBytes)", remedy: "compress it with --long=27 or without --long")
            }
        case .gz:
            try await unpack(path, ["--test"], named: name, "gzip", reactor: reactor) { _ in }
            if !hasPlainHeader(path) {
                throw Failure(
                    "\(name) has a comment or a checksum in its gzip header, and DuckDB reads no file with these",
                    remedy: "unpack it, and pack it again with gzip")
            }
        case nil: break
        }
    }

    /// Whether DuckDB can decompress a file itself: it only knows extensions in lowercase, and not every Zstandard
    /// file.
    static func isReadByDuckDB(_ path: String) -> Bool {
        guard let kind = kind(path) else { return true }
        guard path.hasSuffix(kind.rawValue) else { return false }
        return kind == .gz ? hasPlainHeader(path) : zstandardWindow(path) ?? 0 <= widestWindow
    }

    /// Whether the header of a gzip file (RFC 1952, section 2.3) has nothing that DuckDB does not know.
    ///
    /// It knows the name of a file, and fields of programs. What is no gzip file is told by others.
    private static func hasPlainHeader(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        var bytes: [UInt8] = [0, 0, 0, 0]
        guard pread(descriptor, &bytes, 4, 0) == 4, bytes[0] == 0x1F, bytes[1] == 0x8B else { return true }
        let (fields, name): (UInt8, UInt8) = (4, 8)
        return bytes[3] & ~(fields | name) == 0
    }

    /// Decompresses a file, chunk by chunk.
    ///
    /// - Throws: ``Failure`` when it is truncated, damaged or not compressed as its name says.
    static func read(
        _ path: String, named name: String, reactor: ProcessReactor,
        _ take: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) async throws(Failure) {
        let isZstandard = kind(path) == .zst
        // For any window size, which determines the memory needed.
        let options = ["--decompress", "--stdout"] + (isZstandard ? ["--long=31"] : [])
        try await unpack(path, options, named: name, isZstandard ? "zstd" : "gzip", reactor: reactor, take)
    }

    /// Whether a file's name is that of a compressed file.
    static func isCalled(_ path: String) -> Bool { kind(path) != nil }

    private enum Kind: String, CaseIterable { case gz = ".gz", zst = ".zst" }

    private static func kind(_ path: String) -> Kind? {
        let name = path.lowercased()
        return Kind.allCases.first { name.hasSuffix($0.rawValue) }
    }

    /// The largest window of a Zstandard file that DuckDB reads, in bytes.
    private static let widestWindow: Int64 = 1 << 27

    private static func unpack(
        _ path: String, _ options: [String], named name: String, _ program: String, reactor: ProcessReactor,
        _ take: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) async throws(Failure) {
        let places = ["/usr/bin/\(program)", "/bin/\(program)", "/usr/local/bin/\(program)"]
        guard let found = places.first(where: { access($0, X_OK) == 0 }) else {
            throw Failure("the program \(program) is needed to read \(name)", remedy: "install \(program)")
        }
        let errors = Collected()
        let launch = ProcessLaunch(
            program: found, arguments: options + ["--", path], variables: [:], folder: "/", marker: "caudal/tool",
            grace: .seconds(1))
        let asking = AttemptControl.asking
        defer { asking?.onStop(nil) }
        let end = try await ToolRun.run(
            launch, within: DataTools.usualQuestionLimit, reactor: reactor,
            onStart: { child in asking?.onStop { child.stop() } }
        ) { stream, bytes in
            if stream == .stdout { take(bytes) } else { errors.append(stream, bytes) }
        }
        if end.exit == .exited(0) { return }
        let words = errors.text(.stderr).split(separator: "\n").last { !$0.isEmpty }
            .flatMap { $0.split(separator: ": ").last.map { String($0).trimmed } }
        throw Failure(
            "\(name) is no whole \(program) file: \(words ?? end.exit.description)",
            remedy: "have it copied or written again")
    }

    /// Walks the frames and blocks of a Zstandard file (RFC 8878, section 3) without decompressing them.
    ///
    /// - Returns: The largest window of its frames in bytes, 0 when each frame states its size; nil when the file is
    ///   incomplete.
    static func zstandardWindow(_ path: String) -> Int64? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = Int64(lseek(descriptor, 0, SEEK_END))
        func number(at place: Int64, bytes count: Int) -> UInt32? {
            var bytes: [UInt8] = [0, 0, 0, 0]
            guard pread(descriptor, &bytes, count, off_t(place)) == count else { return nil }
            return bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        var place: Int64 = 0
        var widest: Int64 = 0
        while place < size {
            guard let magic = number(at: place, bytes: 4) else { return nil }
            place += 4
            if magic & 0xFFFF_FFF0 == 0x184D_2A50 {
                // A skippable frame.
                guard let length = number(at: place, bytes: 4) else { return nil }
                place += 4 + Int64(length)
                continue
            }
            guard magic == 0xFD2F_B528, let flags = number(at: place, bytes: 1) else { return nil }
            let isSingle = flags & 0x20 != 0
            if !isSingle, let window = number(at: place + 1, bytes: 1) {
                let base = Int64(1) << (10 + Int64(window >> 3))
                widest = max(widest, base + base / 8 * Int64(window & 7))
            }
            let sizeField: Int64 = [isSingle ? 1 : 0, 2, 4, 8][Int(flags >> 6)]
            place += 1 + (isSingle ? 0 : 1) + [0, 1, 2, 4][Int(flags & 3)] + sizeField
            var isLast = false
            while !isLast {
                guard let header = number(at: place, bytes: 3) else { return nil }
                isLast = header & 1 == 1
                // A block of one repeated byte contains only that byte.
                place += 3 + (header >> 1 & 3 == 1 ? 1 : Int64(header >> 3))
            }
            if flags & 4 != 0 { place += 4 }
        }
        return place == size && size > 0 ? widest : nil
    }
}
