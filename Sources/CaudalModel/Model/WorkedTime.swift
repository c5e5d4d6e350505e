/// The working time of a unit: the time during which at least one of its attempts was open.
///
/// Waiting for a retry, for an operator or for a resumption does not count, so that the figure predicts how long the
/// same work takes again.
package struct WorkedTime: Sendable, Equatable {
    private var openAttempts = 0
    /// Since when an attempt has been open; nil between attempts, and after the process died.
    private var since: Moment?
    private var sum = Duration.zero

    package init() {}

    /// An attempt begins.
    mutating func begin(at now: Moment) {
        openAttempts += 1
        if since == nil { since = now }
    }

    /// An attempt ends.
    mutating func end(at now: Moment) {
        openAttempts -= 1
        if openAttempts <= 0 { stopCounting(at: now) }
    }

    /// Counts open attempts up to `moment`: nothing has worked since then.
    mutating func stopCounting(at moment: Moment) {
        if let since { sum += moment.since(since) }
        since = nil
    }

    /// The working time so far.
    package func total(now: Moment) -> Duration { sum + (since.map { now.since($0) } ?? .zero) }
}
