/// Maps times of a run to positions from 0 to 1.
///
/// A long time in which nothing ran, such as between a failure and a manual retry, is shortened, so that the rest
/// remains legible.
package struct TimeScale: Sendable {
    /// A shortened time in which nothing ran, with its position.
    package struct Pause: Sendable {
        package var from: Double
        package var to: Double
        package var length: Duration
    }

    /// An interval of time in seconds and its interval of positions.
    private var pieces: [(start: Double, end: Double, from: Double, to: Double, isPause: Bool)] = []

    /// A pause longer than this fraction of the busy time is shortened to a smaller one.
    private static let longest = 0.5
    private static let shown = 0.04

    /// A scale for the busy intervals, in seconds.
    package init(_ busy: [(start: Double, end: Double)]) {
        var merged: [(start: Double, end: Double)] = [(0, 0)]
        for span in busy.sorted(by: { $0.start < $1.start }) {
            if span.start <= merged[merged.count - 1].end {
                merged[merged.count - 1].end = max(merged[merged.count - 1].end, span.end)
            } else {
                merged.append(span)
            }
        }
        let total = max(0.001, merged.reduce(0) { $0 + $1.end - $1.start })
        var place = 0.0
        for (index, span) in merged.enumerated() {
            if index > 0 {
                let gap = (start: merged[index - 1].end, end: span.start)
                let isPause = gap.end - gap.start > total * Self.longest
                let width = isPause ? total * Self.shown : gap.end - gap.start
                pieces.append((gap.start, gap.end, place, place + width, isPause))
                place += width
            }
            pieces.append((span.start, span.end, place, place + span.end - span.start, false))
            place += span.end - span.start
        }
        let end = max(0.001, place)
        for index in pieces.indices {
            pieces[index].from /= end
            pieces[index].to /= end
        }
    }

    /// The position of a time in seconds.
    package func place(_ time: Double) -> Double {
        guard let piece = pieces.first(where: { time <= $0.end }) else { return 1 }
        let length = piece.end - piece.start
        return length <= 0 ? piece.from : piece.from + (time - piece.start) / length * (piece.to - piece.from)
    }

    /// The shortened pauses.
    package var pauses: [Pause] {
        pieces.filter(\.isPause).map { piece in
            Pause(from: piece.from, to: piece.to, length: .milliseconds(Int64((piece.end - piece.start) * 1000)))
        }
    }

    /// Marks at round times, at most about eight, none inside of a pause.
    var marks: [Double] {
        let running = pieces.filter { !$0.isPause }
        let total = running.reduce(0) { $0 + $1.end - $1.start }
        let steps: [Double] = [
            0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400,
            21_600, 43_200, 86_400, 172_800, 604_800,
        ]
        let step = steps.first { total / $0 <= 8 } ?? total / 8
        guard step > 0 else { return [0] }
        var marks: [Double] = []
        for piece in running {
            var mark = (piece.start / step).rounded(.up) * step
            // The label of a mark at the very end would be outside of the chart.
            while mark <= piece.end, place(mark) < 0.97 {
                if marks.last != mark { marks.append(mark) }
                mark += step
            }
        }
        return marks
    }
}
