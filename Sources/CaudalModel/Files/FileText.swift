import Foundation

/// Reads and writes small files as a whole.
package enum FileText {
    /// Reads a file as UTF-8; invalid bytes become U+FFFD.
    ///
    /// - Throws: ``Failure`` when the file cannot be opened or read.
    package static func read(_ path: String) throws(Failure) -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    /// Reads a file.
    ///
    /// - Throws: ``Failure`` when the file cannot be opened or read.
    package static func bytes(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be read", errno: errno) }
        defer { close(descriptor) }
        return try bytes(of: descriptor, path)
    }

    /// The largest text of a user that is read: many times what anybody writes, and little of the memory.
    private static let largestText = 64 << 20

    /// Reads a file that a user names for a text, such as a pipeline file.
    ///
    /// What is no file is refused at once: a pipe would be waited for, and a device may have no end.
    ///
    /// - Throws: ``Failure`` when that is no file or too large for a text, or it cannot be read.
    package static func userText(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be read", errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure("\(path) cannot be read", errno: errno) }
        let kind = FileKind(mode: status.st_mode)
        guard kind == .file else { throw Failure("\(path) is \(kind.words), and not a regular file") }
        guard Int64(status.st_size) <= Int64(largestText) else {
            throw Failure("\(path) is too large for a text: it has \(Int64(status.st_size).shortBytes)")
        }
        return try bytes(of: descriptor, path, upTo: largestText)
    }

    /// - Parameter limit: The most bytes that there may be: the size of some files tells nothing.
    private static func bytes(
        of descriptor: Int32, _ path: String, upTo limit: Int = .max
    ) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        // Most files here are small, especially those of /proc: the buffer starts small and grows.
        var room = 1024
        while true {
            let before = bytes.count
            var error: Int32 = 0
            let more = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                let got = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
                if got < 0 { error = errno }
                count = max(0, got)
            }
            if error == EINTR { continue }
            if error != 0 { throw Failure("\(path) cannot be read", errno: error) }
            if more.isEmpty { return bytes }
            bytes = before == 0 ? more : bytes + more
            if bytes.count > limit { throw Failure("\(path) is too large for a text") }
            room = min(1 << 20, max(room, bytes.count) * 2)
        }
    }

    /// Writes a file; only its owner can read it when `isPrivate`.
    ///
    /// - Throws: ``Failure`` when the file cannot be created or written.
    package static func write(_ text: String, to path: String, isPrivate: Bool = false) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, isPrivate ? 0o600 : 0o644)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be written", errno: errno) }
        defer { close(descriptor) }
        var text = text
        let error = text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
        if error != 0 { throw Failure("\(path) cannot be written", errno: error) }
    }

    /// Writes all of some bytes.
    ///
    /// - Returns: The `errno` of the call that failed; 0 when all of them were written.
    package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        return 0
    }

    /// Appends a line to a file in one piece, so that lines of several processes do not mix.
    ///
    /// - Throws: ``Failure`` when the file cannot be created or written.
    package static func append(
        line: String, to path: String, isPrivate: Bool = false
    ) throws(Failure) {
        // A pipe that nobody reads would be waited for.
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK
        let descriptor = open(path, flags, isPrivate ? 0o600 : 0o644)
        if descriptor < 0, errno == ENXIO { throw Failure("\(path) is a pipe that nobody reads") }
        guard descriptor >= 0 else { throw Failure("\(path) cannot be written", errno: errno) }
        defer { close(descriptor) }
        let bytes = Array((line + "\n").utf8)
        let count = Foundation.write(descriptor, bytes, bytes.count)
        guard count == bytes.count else {
            throw Failure("\(path) cannot be written: \(count < 0 ? Failure.words(ofErrno: errno) : "it is full")")
        }
    }

    /// Writes a file that others may read atomically: a reader finds the whole old text or the whole new one.
    ///
    /// A symbolic link stays one, and a pipe or a device is written to.
    /// - Throws: ``Failure`` when the new text cannot be written or moved into place.
    package static func publish(_ text: String, at place: String) throws(Failure) {
        let path =
            realpath(place, nil).map { found in
                defer { free(found) }
                return String(cString: found)
            } ?? place
        if exists(path), !isFile(path) { return try write(text, to: path) }
        // A name that no other process uses, and that no pattern such as `*.prom` matches.
        let beside = "\(path).\(getpid()).new"
        try write(text, to: beside)
        guard rename(beside, path) == 0 else {
            let reason = Failure.words(ofErrno: errno)
            unlink(beside)
            throw Failure("\(path) cannot be written: \(reason)")
        }
    }

    /// Writes a private file atomically: a reader, even after a crash, finds the whole old text or the whole new one.
    ///
    /// - Throws: ``Failure`` when the new text cannot be written or moved into place.
    package static func replace(_ text: String, at path: String) throws(Failure) {
        let beside = path + ".new"
        try write(text, to: beside, isPrivate: true)
        if rename(beside, path) != 0 {
            throw Failure("\(path) cannot be written", errno: errno)
        }
    }

    /// Makes a folder for temporary files that only its owner may read, with a name that nobody can guess.
    ///
    /// One that is not to outlive the process is made by ``TemporaryFolders``.
    ///
    /// - Parameter parent: The folder to make it in; nil means the one for temporary files.
    /// - Throws: ``Failure`` when there is no place for one.
    package static func makeTemporaryFolder(_ name: String, in parent: String? = nil) throws(Failure) -> String {
        let folder = parent ?? FileManager.default.temporaryDirectory.path
        var template = Array((folder + "/\(name)-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("no folder can be made in \(folder)", errno: errno) }
        return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The size of a file, or nil when there is none.
    package static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Whether there is a regular file at a path, following symbolic links: reading a pipe or a device could block
    /// forever.
    package static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether the folder exists and this process is not permitted to read it.
    package static func isForbidden(_ folder: String) -> Bool {
        var status = stat()
        return stat(folder, &status) == 0 && access(folder, R_OK | X_OK) != 0 && errno == EACCES
    }

    /// Whether there is anything at a path.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether there is a folder at a path, following symbolic links.
    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
