package import CaudalModel
import Foundation

/// The position, level and source of each line of a run's log: a few bytes for each line, read once; texts are read on
/// demand.
package final class LogIndex {
    /// What is stored for a line.
    private struct Entry {
        var offset: UInt32
        var length: UInt32
        var segment: UInt16
        var level: UInt8
        /// The position of its source in the list of sources, from 1; 0 for the engine.
        var source: UInt32
    }

    private let folder: String
    private var tail: LogTail
    private var entries: [Entry] = []
    private var sources: [UnitID] = []
    private var sourceNumbers: [UnitID: UInt32] = [:]
    private var openSegment: (number: Int, descriptor: Int32) = (0, -1)

    /// The number of warnings and errors.
    package private(set) var warnings = 0
    package private(set) var errors = 0

    package init(folder: String) {
        self.folder = folder
        tail = LogTail(folder: folder)
    }

    deinit { if openSegment.descriptor >= 0 { close(openSegment.descriptor) } }

    /// Reads the lines written since the last call.
    ///
    /// - Parameter limit: Stops after about this many bytes, so that a flood of lines does not block the screen.
    /// - Returns: Whether there were new lines.
    package func update(limit: Int = 4 << 20) -> Bool {
        let before = entries.count
        tail.readPositioned(limit: limit) { line, segment, offset in
            guard let record = LogLineParser.head(of: line) else { return }
            if record.level == .warn { warnings += 1 }
            if record.level == .error { errors += 1 }
            entries.append(
                Entry(
                    offset: UInt32(clamping: offset), length: UInt32(clamping: line.count),
                    segment: UInt16(clamping: segment),
                    level: UInt8(record.level.rawValue), source: number(of: record.unit)))
        }
        return entries.count > before
    }

    private func number(of unit: UnitID?) -> UInt32 {
        guard let unit else { return 0 }
        if let known = sourceNumbers[unit] { return known }
        sources.append(unit)
        let number = UInt32(sources.count)
        sourceNumbers[unit] = number
        return number
    }

    package var count: Int { entries.count }

    package func level(at index: Int) -> LogLevel { LogLevel(rawValue: Int(entries[index].level)) ?? .info }

    /// The stage and item of a line; nil for lines about the run as a whole.
    package func unit(at index: Int) -> UnitID? {
        let number = Int(entries[index].source)
        return number == 0 ? nil : sources[number - 1]
    }

    /// The record of a line, read from its file.
    package func record(at index: Int) -> LogRecord? {
        guard entries.indices.contains(index) else { return nil }
        let entry = entries[index]
        if openSegment.number != Int(entry.segment) {
            if openSegment.descriptor >= 0 { close(openSegment.descriptor) }
            let path = LogFiles.path(of: Int(entry.segment), in: folder)
            openSegment = (Int(entry.segment), open(path, O_RDONLY | O_CLOEXEC))
        }
        var bytes = [UInt8](repeating: 0, count: Int(entry.length))
        // Files are read and never mapped: a mapped file that shrinks would crash the process.
        guard pread(openSegment.descriptor, &bytes, bytes.count, Int(entry.offset)) == bytes.count else { return nil }
        return bytes.withUnsafeBufferPointer { LogLineParser.record($0) }
    }
}
