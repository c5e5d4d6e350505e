import CSystem
import CaudalModel

extension LogIndex {
    /// What was counted in some lines.
    struct Counts {
        var lines = 0
        var warnings = 0
        var errors = 0
        var shown = 0
        var hits = 0

        static func + (a: Counts, b: Counts) -> Counts {
            Counts(
                lines: a.lines + b.lines, warnings: a.warnings + b.warnings, errors: a.errors + b.errors,
                shown: a.shown + b.shown, hits: a.hits + b.hits)
        }
    }

    /// A line that is shown: where it is in its part.
    struct Place {
        var range: Range<Int>
        var isHit: Bool
        var isError: Bool
        /// The number of lines that are folded into it.
        var folded = 0
    }

    /// Counts lines, and finds those that a view shows.
    struct Examiner {
        private let view: View
        private var judge: LogJudge
        private var reader = LogLineReader()

        init(_ view: View) {
            self.view = view
            judge = LogJudge(view)
        }

        /// Counts whole lines.
        mutating func count(_ block: UnsafeBufferPointer<UInt8>) -> Counts {
            var places: [Place] = []
            return examine(block, places: &places)
        }

        /// Examines whole lines.
        ///
        /// - Parameter places: Gets the lines that are shown.
        mutating func examine(_ block: UnsafeBufferPointer<UInt8>, places: inout [Place]) -> Counts {
            var counts = Counts()
            let mayShow = judge.mayShow(block)
            let mayHit = mayShow && judge.mayHit(block)
            let hasTraces = LogBlock.hasTraces(block)
            let folds = view.foldsTraces && hasTraces
            let looksAtLines = judge.looksAtLines || mayHit || folds
            // The place of the last record of each source, for the lines that continue it.
            var heads: [(source: LogSource, place: Int)] = []
            var start = 0
            while start < block.count {
                let bytes = LogBlock.line(block, from: start)
                defer { start += bytes.count + 1 }
                guard let (level, _) = LogLineReader.level(bytes) else { continue }
                counts.lines += 1
                // The lines of a stack trace are one error.
                if level >= .warn, !hasTraces || reader.line(bytes, at: start)?.source.continues != true {
                    if level == .warn { counts.warnings += 1 } else { counts.errors += 1 }
                }
                guard mayShow, level >= view.level else { continue }
                var place = Place(range: start..<(start + bytes.count), isHit: false, isError: level == .error)
                if looksAtLines {
                    guard let line = reader.line(bytes, at: start) else { continue }
                    let isShown = judge.shows(line)
                    place.isHit = isShown && mayHit && judge.isHit(line)
                    if folds {
                        let known = heads.firstIndex { $0.source.isSame(as: line.source) }
                        if isShown, line.source.continues, let known {
                            let head = heads[known].place
                            places[head].folded += 1
                            if place.isHit, !places[head].isHit {
                                places[head].isHit = true
                                counts.hits += 1
                            }
                            continue
                        }
                        if let known { heads.remove(at: known) }
                        if isShown { heads.append((line.source, places.count)) }
                    }
                    guard isShown else { continue }
                }
                counts.shown += 1
                if place.isHit { counts.hits += 1 }
                places.append(place)
            }
            return counts
        }
    }
}
