/// Splits a program's output into lines.
///
/// A line ends at a line feed. A carriage return restarts the line, as on a terminal, so that a progress bar of a
/// thousand updates is one line. A line longer than the limit is truncated with a mark that counts the omitted bytes.
struct LineSplitter {
    /// The maximum length of a line, in bytes.
    static let limit = 64 << 10

    /// How many bytes of a truncated line may be kept: the cut may be inside of a secret.
    var length: @Sendable (UnsafeBufferPointer<UInt8>) -> Int = { $0.count }

    private var line: [UInt8] = []
    /// Bytes of the current line beyond the limit.
    private var cutBytes = 0
    /// Whether the last byte was a carriage return, which may be followed by a line feed.
    private var endsWithReturn = false

    /// Adds bytes and calls `emit` for each line that they complete.
    ///
    /// - Parameter replaced: Called with text that a carriage return discarded: updates of a progress bar.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, replaced: (UnsafeBufferPointer<UInt8>) -> Void = { _ in },
        emit: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        let bytes = bytes.bindMemory(to: UInt8.self)
        var start = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x0A {
                if line.isEmpty, cutBytes == 0, !endsWithReturn, index - start <= Self.limit {
                    // The whole line is in this chunk: no copy is needed.
                    emit(UnsafeBufferPointer(rebasing: bytes[start..<index]))
                } else {
                    keep(bytes[start..<index], replaced)
                    finish(emit)
                }
                start = index + 1
            } else if byte == 0x0D {
                keep(bytes[start..<index], replaced)
                endsWithReturn = true
                start = index + 1
            }
            index += 1
        }
        if start < bytes.count { keep(bytes[start...], replaced) }
    }

    /// Emits the last line when the program has closed its output.
    mutating func end(emit: (UnsafeBufferPointer<UInt8>) -> Void) {
        if !line.isEmpty || cutBytes > 0 { finish(emit) }
    }

    private mutating func keep(
        _ part: Slice<UnsafeBufferPointer<UInt8>>, _ replaced: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        guard !part.isEmpty else { return }
        if endsWithReturn {
            line.withUnsafeBufferPointer(replaced)
            line.removeAll(keepingCapacity: true)
            cutBytes = 0
            endsWithReturn = false
        }
        let room = max(0, Self.limit - line.count)
        line.append(contentsOf: part.prefix(room))
        cutBytes += max(0, part.count - room)
    }

    private mutating func finish(_ emit: (UnsafeBufferPointer<UInt8>) -> Void) {
        if cutBytes > 0 {
            let kept = line.withUnsafeBufferPointer(length)
            cutBytes += line.count - kept
            line.removeLast(line.count - kept)
            line += Array(" … [cut, \(cutBytes) more bytes]".utf8)
        }
        line.withUnsafeBufferPointer(emit)
        line.removeAll(keepingCapacity: line.capacity <= Self.limit)
        cutBytes = 0
        endsWithReturn = false
    }
}
