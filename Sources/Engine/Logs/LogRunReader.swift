package import CaudalModel
import Foundation
import Synchronization

/// A run whose log is read.
package struct LoggedRun: Sendable {
    package let id: RunID
    /// The folder of the log's segments.
    package let folder: String
    /// When the run started, in milliseconds since 1970: none of its lines is older.
    package let started: Int64
    /// Whether a process may be writing the log.
    package let isLive: Bool

    package init(id: RunID, folder: String, started: Int64, isLive: Bool) {
        self.id = id
        self.folder = folder
        self.started = started
        self.isLive = isLive
    }
}

/// Reads the log of one run block by block; blocks that do not depend on each other are read at the same time.
struct LogRunReader {
    /// A segment that is not compressed, and how far it is read.
    private struct Open {
        let file: LogSegmentReader
        let path: String
        var place = 0
        let end: Int
    }

    /// How many bytes are read at once: what is searched is still in the processor's cache then.
    private static let readSize = 192 << 10

    private let query: LogQuery
    private let scans: IdleScans
    private let isLive: Bool
    private var segments: ArraySlice<LogFiles.Segment>
    private var open: Open?
    /// The block before, for a query that needs to know of it.
    private var previous: Task<LogBatch, Never>?
    /// What was found damaged while files were opened.
    private(set) var damage = LogDamage()
    /// The segment that was opened last, and where what is read of it ends.
    private(set) var end = LogPosition(segment: 0, offset: 0)

    init(_ run: LoggedRun, _ query: LogQuery, makeRenderer: @escaping @Sendable () -> any LogRenderer) {
        self.query = query
        scans = IdleScans { LogScan(query, makeRenderer()) }
        isLive = run.isLive
        segments = LogFiles.segments(in: run.folder)[...]
    }

    /// Begins to read the next block; nil when there are no more.
    mutating func next(blockSize: Int) -> Task<LogBatch, Never>? {
        while true {
            if let current = open, current.place < current.end {
                let range = current.place..<min(current.place + blockSize, current.end)
                open?.place = range.upperBound
                return scan(current.path) { scan in
                    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.readSize) {
                        let part = start..<min(start + Self.readSize, range.upperBound)
                        current.file.withRecords(beginningIn: part, end: current.end) { scan.scan($0, at: $1) }
                    }
                }
            }
            open = nil
            guard let segment = segments.popFirst() else { return nil }
            if let since = query.since, let written = segment.written, written < since { continue }
            if segment.isCompressed {
                end = LogPosition(segment: segment.number + 1, offset: 0)
                return scan(segment.path) { scan in
                    let damaged = CompressedLog.read(segment.path) { scan.scan($0, at: $1) }
                    if let damaged { scan.found(damageAt: damaged) }
                }
            }
            open(segment)
        }
    }

    private mutating func open(_ segment: LogFiles.Segment) {
        do throws(Failure) {
            let file = try LogSegmentReader(segment.path)
            let size = file.size
            let end = file.lineEnd(before: size)
            // A line that is being written has no end yet; elsewhere that is what a crash leaves.
            if end < size, !isLive || !segments.isEmpty { damage.add(segment.path, end) }
            self.end = LogPosition(segment: segment.number, offset: end)
            open = Open(file: file, path: segment.path, end: end)
        } catch {
            // A segment that was removed or compressed meanwhile; its place is told.
            damage.add(segment.path, 0)
        }
    }

    private mutating func scan(
        _ path: String, _ work: @escaping @Sendable (inout LogScan) -> Void
    ) -> Task<LogBatch, Never> {
        let scans = scans
        let previous = query.context > 0 ? self.previous : nil
        // A task for itself, since its result is asked for when the blocks before it are printed.
        let task = Task.detached {
            let context = await previous?.value.context
            return scans.use { scan in
                scan.begin(path, context: context ?? LogContext())
                work(&scan)
                return scan.takeBatch()
            }
        }
        self.previous = query.context > 0 ? task : nil
        return task
    }
}

/// Scans that are not in use: what one has learned of the sources of lines serves for the next block too.
private final class IdleScans: Sendable {
    private let idle = Mutex<[LogScan]>([])
    private let make: @Sendable () -> LogScan

    init(_ make: @escaping @Sendable () -> LogScan) { self.make = make }

    func use(_ work: (inout LogScan) -> LogBatch) -> LogBatch {
        var scan = idle.withLock { $0.popLast() } ?? make()
        defer { idle.withLock { $0.append(scan) } }
        return work(&scan)
    }
}

/// A place in the log of a run: the number of a segment, and an offset in it.
package struct LogPosition: Sendable, Hashable, Comparable {
    package var segment: Int
    package var offset: Int

    package static func < (a: LogPosition, b: LogPosition) -> Bool { (a.segment, a.offset) < (b.segment, b.offset) }
}
