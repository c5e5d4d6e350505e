/// How long something was worked on: the time in which at least one attempt was open.
///
/// Waiting for a next try, for an operator, or for a process that died does not count, so that it tells how long the
/// same work takes again.
package struct WorkedTime: Sendable, Equatable {
    private var openAttempts = 0
    /// Since when an attempt has been open; nil between attempts, and once a process has died under them.
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
        if openAttempts <= 0 { breakOff(at: now) }
    }

    /// Counts what is open up to `moment`: nothing has worked since then.
    mutating func breakOff(at moment: Moment) {
        if let since { sum += moment.since(since) }
        since = nil
    }

    /// The time so far.
    package func total(now: Moment) -> Duration { sum + (since.map { now.since($0) } ?? .zero) }
}
