import CaudalModel
package import Engine

/// The log of a run as its process has written it.
package enum WrittenLog {
    /// The records of all whole lines, in order.
    package static func records(in folder: String) -> [LogRecord] {
        LogFiles.segments(in: folder).flatMap { segment -> [LogRecord] in
            // Without a line feed behind it, a line is torn.
            guard let bytes = try? FileText.bytes(segment.path), let end = bytes.lastIndex(of: 0x0A) else { return [] }
            return bytes[..<end].split(separator: 0x0A).compactMap { line in
                line.withUnsafeBufferPointer { LogLineParser.record($0) }
            }
        }
    }

    /// The number of lines, without building their records.
    package static func lineCount(in folder: String) -> Int {
        let index = LogIndex(folder: folder)
        while index.work() {}
        return index.count
    }
}
