import CaudalModel

/// What the log says of an attempt.
extension AttemptLog {
    /// The line that begins an attempt's story.
    func noteStart(of order: AttemptOrder) {
        if case .attach(let work) = order.purpose {
            note("taken up again: \(work) goes on")
        } else {
            note(order.number == 1 ? "started" : "attempt \(order.number) started")
        }
    }

    /// The line that ends an attempt's story.
    func noteEnd(_ result: AttemptResult, wasCancelled: Bool) {
        let took = result.duration.short
        if let failure = result.failure {
            let word = result.ending == .stopped ? "stopped" : "failed"
            return note("\(word) after \(took): \(failure.description)", level: wasCancelled ? .warn : .error)
        }
        if result.ending == .reused || result.ending == .skipped {
            return note("\(result.ending.rawValue): \(result.reuseReason ?? "")")
        }
        if let reason = result.reuseReason { note("ran: \(reason)") }
        // The stage is not done with that.
        if let items = result.items { return note("found \(items.count.counted("item")) in \(took)") }
        let rows =
            result.rows.map { ", \($0.readText) \($0.readText == "1" ? "row" : "rows") in, \($0.written.grouped) out" }
            ?? ""
        note("\(result.ending.rawValue) in \(took)\(rows)")
    }

    /// A line for each check.
    func note(_ checks: [CheckResult]) {
        for check in checks {
            let level: LogLevel =
                switch check.outcome {
                case .passed: .info
                case .warned: .warn
                case .failed, .error: .error
                }
            let part = check.partition.map { " (\($0))" } ?? ""
            let waiver = check.waiver.map { "; \($0)" } ?? ""
            note("check \(check.id)\(part) \(check.word): \(check.message)\(waiver)", level: level)
        }
    }
}

extension CheckResult {
    /// What failing checks mean for their stage; nil when none failed.
    ///
    /// `withholds`: whether the stage has outputs that stay unpublished.
    static func failure(of checks: [CheckResult], withholds: Bool) -> Failure? {
        let bad = checks.filter { $0.outcome == .failed || $0.outcome == .error }
        guard let first = bad.first else { return nil }
        let others = bad.count > 1 ? " and \(bad.count - 1) more" : ""
        let part = first.partition.map { " (\($0))" } ?? ""
        var example = ""
        if let sample = first.samples.first {
            let row = sample.row.map { "row \($0.grouped)" } ?? "first"
            let cells = sample.cells(4, ", ")
            example = " (\(row)\(cells.isEmpty ? "" : ": " + cells.shortened(to: 240)))"
        }
        return Failure(
            "check '\(first.id)'\(part) failed\(others): \(first.message)\(example)",
            remedy: "expected: \(first.expectation)" + (withholds ? "; nothing was published" : ""))
    }
}
