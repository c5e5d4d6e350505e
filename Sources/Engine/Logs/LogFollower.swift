package import CaudalModel

/// Reads what is new in the logs of runs, look by look, also of runs that begin meanwhile.
package struct LogFollower {
    private struct Followed {
        var run: LoggedRun
        var position: LogPosition
        var context = LogContext()
        /// Whether the record that was read last is shown.
        var isShown = false
    }

    private var followed: [RunID: Followed] = [:]
    /// Where runs that are followed no more would go on.
    private var left: [RunID: LogPosition] = [:]
    private let query: LogQuery
    private let makeRenderer: @Sendable () -> any LogRenderer

    /// How long the newest record may wait for lines that belong to it, in milliseconds.
    ///
    /// A pattern is asked of whole records, and programs write a stack trace line by line.
    private static let patience: Int64 = 100

    package init(_ query: LogQuery, makeRenderer: @escaping @Sendable () -> any LogRenderer) {
        self.query = query
        self.makeRenderer = makeRenderer
    }

    /// Follows a run from a position on; one that is or was followed goes on where it is.
    ///
    /// - Parameter position: nil for its beginning.
    package mutating func add(_ run: LoggedRun, from position: LogPosition? = nil) {
        if followed[run.id] == nil {
            let start = left[run.id] ?? position ?? LogPosition(segment: 0, offset: 0)
            followed[run.id] = Followed(run: run, position: start)
        }
    }

    /// The position behind the last whole line of a run's log.
    package static func end(of run: LoggedRun) -> LogPosition? {
        guard let segment = LogFiles.segments(in: run.folder).last else { return nil }
        guard !segment.isCompressed, let file = try? LogSegmentReader(segment.path) else {
            return LogPosition(segment: segment.number + 1, offset: 0)
        }
        return LogPosition(segment: segment.number, offset: file.lineEnd(before: file.size))
    }

    /// The runs that are followed.
    package var runs: [RunID] { followed.keys.sorted() }

    /// Follows a run no more.
    package mutating func remove(_ run: RunID) { left[run] = followed.removeValue(forKey: run)?.position }

    /// What matches of the lines that are whole since the last look, in the order of their times.
    ///
    /// - Parameters:
    ///   - ended: Runs that write no more.
    ///   - now: In milliseconds since 1970.
    package mutating func look(ended: [RunID] = [], now: Int64) -> [UInt8] {
        var found: [(key: UInt64, text: ArraySlice<UInt8>)] = []
        for id in runs {
            guard var one = followed[id] else { continue }
            for batch in read(&one, ended.contains(id) ? nil : now) {
                var start = 0
                for piece in batch.pieces {
                    found.append((piece.key, batch.output[start..<piece.end]))
                    start = piece.end
                }
            }
            followed[id] = one
        }
        if followed.count > 1 {
            // Stable: lines of one run stay in their order.
            let order = found.indices.sorted { (found[$0].key, $0) < (found[$1].key, $1) }
            return order.flatMap { found[$0].text }
        }
        return found.flatMap(\.text)
    }

    private func read(_ one: inout Followed, _ now: Int64?) -> [LogBatch] {
        var batches: [LogBatch] = []
        var scan = LogScan(query, makeRenderer())
        for segment in LogFiles.segments(in: one.run.folder) where segment.number >= one.position.segment {
            if segment.number > one.position.segment { one.position = LogPosition(segment: segment.number, offset: 0) }
            if segment.isCompressed {
                // Written to its end, and compressed while nobody looked.
                _ = CompressedLog.read(segment.path) { block, start in
                    let seen = max(0, one.position.offset - start)
                    guard seen < block.count else { return }
                    batches += take(UnsafeBufferPointer(rebasing: block[seen...]), segment.path, &one, &scan)
                }
                one.position = LogPosition(segment: segment.number + 1, offset: 0)
                continue
            }
            // One that was removed meanwhile has no more lines.
            guard let file = try? LogSegmentReader(segment.path) else { continue }
            let size = file.size
            while one.position.offset < size {
                let bytes = file.bytes(one.position.offset..<min(size, one.position.offset + (4 << 20)))
                let end = bytes.withUnsafeBufferPointer { settledEnd($0, now) }
                if end == 0 { break }
                batches += bytes.withUnsafeBufferPointer {
                    take(UnsafeBufferPointer(rebasing: $0[..<end]), segment.path, &one, &scan)
                }
            }
        }
        return batches
    }

    /// Takes whole lines that begin where a run's log was read last.
    private func take(
        _ lines: UnsafeBufferPointer<UInt8>, _ path: String, _ one: inout Followed, _ scan: inout LogScan
    ) -> [LogBatch] {
        var batches: [LogBatch] = []
        func look(_ part: Range<Int>, _ scan: inout LogScan) {
            if part.isEmpty { return }
            scan.begin(path, context: one.context)
            scan.scan(UnsafeBufferPointer(rebasing: lines[part]), at: one.position.offset + part.lowerBound)
            let batch = scan.takeBatch()
            one.context = batch.context
            one.isShown = batch.matches > 0
            batches.append(batch)
        }
        // What comes late of a record is shown where the record is.
        var start = 0
        if query.pattern != nil, one.isShown || query.isInverted {
            while start < lines.count {
                let line = LogBlock.line(lines, from: start)
                guard LogBlock.continues(line) else { break }
                start += line.count + 1
            }
            if one.isShown, start > 0 {
                var whole = query
                (whole.pattern, whole.isInverted, whole.context) = (nil, false, 0)
                var rest = LogScan(whole, makeRenderer())
                look(0..<start, &rest)
            }
        }
        let last = max(start, LogBlock.lastRecord(lines))
        look(start..<last, &scan)
        look(last..<lines.count, &scan)
        one.position.offset += lines.count
        return batches
    }

    /// Where the records end that most likely get no more lines.
    private func settledEnd(_ bytes: UnsafeBufferPointer<UInt8>, _ now: Int64?) -> Int {
        let end = LogBlock.lineEnd(bytes)
        guard let now, query.pattern != nil, end > 0 else { return end }
        let lines = UnsafeBufferPointer(rebasing: bytes[..<end])
        let start = LogBlock.lastRecord(lines)
        guard let (level, _) = LogLineReader.level(LogBlock.line(lines, from: start)), level >= .warn,
            let newest = LogLineParser.record(LogBlock.line(lines, from: LogBlock.lastLine(lines))),
            abs(now - newest.time) < Self.patience
        else { return end }
        return start
    }
}
