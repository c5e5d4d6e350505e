package import CaudalModel
import DequeModule
import HeapModule

/// Reads the logs of runs in the order of their times.
///
/// Blocks are read, searched and rendered on all processors, and then put into order: within a run the order is that of the
/// log, whatever its times are.
package struct LogMerge: Sendable {
    private let runs: [LoggedRun]
    private let query: LogQuery
    private let makeRenderer: @Sendable () -> any LogRenderer

    /// What was read.
    package struct Outcome: Sendable {
        /// The number of records that match.
        package var matches = 0
        package var damage: [(run: RunID, damage: LogDamage)] = []
        /// Where the log of each run goes on.
        package var ends: [RunID: LogPosition] = [:]
        /// Whether `write` wanted no more.
        package var isStopped = false
    }

    /// - Parameter runs: The runs, in any order.
    package init(
        _ runs: [LoggedRun], _ query: LogQuery, makeRenderer: @escaping @Sendable () -> any LogRenderer
    ) {
        self.runs = runs.sorted { ($0.started, $0.id) < ($1.started, $1.id) }
        self.query = query
        self.makeRenderer = makeRenderer
    }

    /// A run's blocks: those that are being read, and what is left of the present one.
    private final class Stream {
        let run: RunID
        var reader: LogRunReader
        var ahead: Deque<Task<LogBatch, Never>> = []
        var batch = LogBatch()
        /// The piece of the batch that comes next.
        var piece = 0
        var start = 0
        var damage = LogDamage()
        var matches = 0

        init(_ run: RunID, _ reader: LogRunReader) {
            self.run = run
            self.reader = reader
        }

        var key: UInt64 { batch.pieces[piece].key }
        var hasPiece: Bool { piece < batch.pieces.count }

        func readAhead(_ count: Int, blockSize: Int) {
            while ahead.count < count, let task = reader.next(blockSize: blockSize) { ahead.append(task) }
        }

        /// Goes on to the next block that has a piece.
        ///
        /// - Returns: Whether there is one.
        func advance(_ count: Int, blockSize: Int) async -> Bool {
            while !hasPiece {
                readAhead(count, blockSize: blockSize)
                guard let task = ahead.popFirst() else { return false }
                readAhead(count, blockSize: blockSize)
                batch = await task.value
                (piece, start) = (0, 0)
                matches += batch.matches
                damage.add(batch.damage)
            }
            return true
        }

        /// Takes the pieces that are not younger than a limit, at least one.
        func take(upTo limit: UInt64) -> ArraySlice<UInt8> {
            let first = start
            repeat {
                start = batch.pieces[piece].end
                piece += 1
            } while hasPiece && key <= limit
            return batch.output[first..<start]
        }
    }

    private struct Head: Comparable {
        let key: UInt64
        let number: Int
        static func < (a: Head, b: Head) -> Bool { (a.key, a.number) < (b.key, b.number) }
    }

    /// The runs that are opened before their turn comes.
    private static let lookahead = 6
    /// The bytes that blocks which are read ahead may have together.
    private static let memory = 64 << 20

    /// Reads all of it.
    ///
    /// - Parameter write: Takes what is printed, in order; it says whether it wants more.
    package func read(_ write: (borrowing ArraySlice<UInt8>) -> Bool) async -> Outcome {
        var outcome = Outcome()
        // Those that are open, by the place of their run.
        var streams: [Int: Stream] = [:]
        var heads = Heap<Head>()
        let starts = runs.map { LogTime.key($0.started) }
        var (opened, begun) = (0, 0)
        var blockSize: Int { max(64 << 10, min(1 << 20, Self.memory / max(1, streams.count * 2))) }
        var depth: Int { streams.count > Self.lookahead + 2 ? 1 : 4 }
        func end(_ number: Int) {
            guard let stream = streams.removeValue(forKey: number) else { return }
            outcome.matches += stream.matches
            var damage = stream.damage
            damage.add(stream.reader.damage)
            if damage.lines > 0 { outcome.damage.append((stream.run, damage)) }
            outcome.ends[stream.run] = stream.reader.end
        }
        while true {
            // Every run that began before the next line may have an older one.
            while begun < runs.count, heads.min.map({ starts[begun] <= $0.key }) ?? true {
                while opened < min(runs.count, begun + Self.lookahead) {
                    let run = runs[opened]
                    let stream = Stream(run.id, LogRunReader(run, query, makeRenderer: makeRenderer))
                    streams[opened] = stream
                    stream.readAhead(1, blockSize: blockSize)
                    opened += 1
                }
                if let stream = streams[begun], await stream.advance(depth, blockSize: blockSize) {
                    heads.insert(Head(key: stream.key, number: begun))
                } else {
                    end(begun)
                }
                begun += 1
            }
            guard let head = heads.popMin(), let stream = streams[head.number] else { break }
            let next = begun < starts.count ? starts[begun] : .max
            if !write(stream.take(upTo: min(heads.min?.key ?? .max, next))) {
                outcome.isStopped = true
                break
            }
            if await stream.advance(depth, blockSize: blockSize) {
                heads.insert(Head(key: stream.key, number: head.number))
            } else {
                end(head.number)
            }
        }
        for number in streams.keys { end(number) }
        return outcome
    }
}
