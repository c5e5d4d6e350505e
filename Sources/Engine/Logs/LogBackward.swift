package import CaudalModel

/// Reads the newest lines of runs, from the ends of their logs.
package enum LogBackward {
    /// A record as it is printed.
    private struct Found {
        let key: UInt64
        let text: [UInt8]
    }

    /// The newest records that match, in order, as they are printed.
    ///
    /// It reads no more than it must: of each log from its end, and of no run that ended before them.
    ///
    /// - Parameter runs: The runs; `ended` of each in milliseconds since 1970, nil when it may still write.
    package static func newest(
        _ count: Int, of runs: [(run: LoggedRun, ended: Int64?)], _ query: LogQuery,
        makeRenderer: @Sendable () -> any LogRenderer
    ) -> (output: [UInt8], damage: [(run: RunID, damage: LogDamage)]) {
        var found: [Found] = []
        var damage: [(run: RunID, damage: LogDamage)] = []
        for (run, ended) in runs.sorted(by: { ($0.ended ?? .max) > ($1.ended ?? .max) }) {
            // Lines may be written a moment after the end was recorded.
            if found.count == count, let ended, let oldest = found.first, LogTime.key(ended + 60_000) < oldest.key {
                break
            }
            let (own, faults) = newest(count, of: run, query, makeRenderer)
            if faults.lines > 0 { damage.append((run.id, faults)) }
            found = merged(found, own).suffix(count)
        }
        return (found.flatMap(\.text), damage)
    }

    /// Both in the order of their times; each keeps its own order.
    private static func merged(_ a: [Found], _ b: [Found]) -> [Found] {
        var all: [Found] = []
        var (i, j) = (0, 0)
        while i < a.count || j < b.count {
            if j == b.count || i < a.count && a[i].key <= b[j].key {
                all.append(a[i])
                i += 1
            } else {
                all.append(b[j])
                j += 1
            }
        }
        return all
    }

    private static func newest(
        _ count: Int, of run: LoggedRun, _ query: LogQuery, _ makeRenderer: () -> any LogRenderer
    ) -> ([Found], LogDamage) {
        var found: [Found] = []
        var damage = LogDamage()
        var scan = LogScan(query, makeRenderer())
        func read(_ path: String, _ work: (inout LogScan) -> Void) {
            scan.begin(path)
            work(&scan)
            let batch = scan.takeBatch()
            damage.add(batch.damage)
            var start = 0
            var own: [Found] = []
            for piece in batch.pieces {
                own.append(Found(key: piece.key, text: Array(batch.output[start..<piece.end])))
                start = piece.end
            }
            found = (own + found).suffix(count)
        }
        let segments = LogFiles.segments(in: run.folder)
        for segment in segments.reversed() where found.count < count {
            if segment.isCompressed {
                read(segment.path) { scan in
                    let place = CompressedLog.read(segment.path) { scan.scan($0, at: $1) }
                    if let place { scan.found(damageAt: place) }
                }
                continue
            }
            guard let file = try? LogSegmentReader(segment.path) else {
                damage.add(segment.path, 0)
                continue
            }
            let size = file.size
            let end = file.lineEnd(before: size)
            if end < size, !run.isLive || segment != segments.last { damage.add(segment.path, end) }
            var (last, block) = (end, 32 << 10)
            while last > 0, found.count < count {
                let first = max(0, last - block)
                read(segment.path) { scan in
                    file.withRecords(beginningIn: first..<last, end: end) { scan.scan($0, at: $1) }
                }
                (last, block) = (first, min(block * 4, 4 << 20))
            }
        }
        return (found, damage)
    }
}
