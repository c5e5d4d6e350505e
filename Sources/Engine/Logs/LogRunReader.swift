package import CaudalModel
import Foundation

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
    private let makeRenderer: @Sendable () -> any LogRenderer
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
        self.makeRenderer = makeRenderer
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
        let (query, makeRenderer) = (query, makeRenderer)
        let previous = query.context > 0 ? self.previous : nil
        // A task for itself, since its result is asked for when the blocks before it are printed.
        let task = Task.detached {
            let context = await previous?.value.context
            var scan = LogScan(query, path: path, makeRenderer(), context: context ?? LogContext())
            work(&scan)
            return scan.finish()
        }
        self.previous = query.context > 0 ? task : nil
        return task
    }
}

/// A place in the log of a run: the number of a segment, and an offset in it.
package struct LogPosition: Sendable, Hashable, Comparable {
    package var segment: Int
    package var offset: Int

    package static func < (a: LogPosition, b: LogPosition) -> Bool { (a.segment, a.offset) < (b.segment, b.offset) }
}
