import Synchronization

/// What has come for an engine and was not taken yet.
package final class RunEngineMailbox: Sendable {
    enum Mail: Sendable {
        case input(RunInput)
        case remarks([LogChannel.Remark])
        /// The log can no longer be written.
        case failure(Failure)
        case close

        /// Whether nothing waits for it, so that it may be recorded with what comes next.
        var canWait: Bool {
            switch self {
            case .input(.attemptSpawned), .input(.progressed), .remarks: true
            case .input, .failure, .close: false
            }
        }
    }

    /// How long mail that can wait does.
    private static let patience = Duration.milliseconds(20)

    /// Something that happened, and when: it may be taken in long after.
    struct TimestampedInput: Sendable {
        let input: RunInput
        let time: Moment
    }

    struct Contents: Sendable {
        var inputs: [TimestampedInput] = []
        var remarks: [LogChannel.Remark] = []
        var failure: Failure?
        var close = false
        /// Whether the engine will be woken for mail that can wait.
        var isWakeComing = false
    }

    private let contents = Mutex(Contents())
    private let closed = Mutex(false)
    let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    private let now: @Sendable () -> Moment

    package init(now: @escaping @Sendable () -> Moment) {
        self.now = now
        (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func post(_ mail: Mail) {
        let mustSchedule = contents.withLock { contents -> Bool in
            switch mail {
            case .input(let input): contents.inputs.append(TimestampedInput(input: input, time: now()))
            case .remarks(let remarks): contents.remarks += remarks
            case .failure(let failure): contents.failure = contents.failure ?? failure
            case .close: contents.close = true
            }
            guard mail.canWait, !contents.isWakeComing else { return false }
            contents.isWakeComing = true
            return true
        }
        if !mail.canWait { wake.yield() }
        if mustSchedule { wakeLater() }
    }

    private func wakeLater() {
        // A task of its own: whoever posts goes on at once. Most often the wake finds that other mail took this along.
        Task {
            try? await ContinuousClock().sleep(for: Self.patience)
            contents.withLock { $0.isWakeComing = false }
            wake.yield()
        }
    }

    /// Posts inputs that are to be taken in as one batch.
    func post(_ inputs: [RunInput]) {
        contents.withLock { contents in
            let time = now()
            contents.inputs += inputs.map { TimestampedInput(input: $0, time: time) }
        }
        wake.yield()
    }

    /// Says that the log can no longer be written.
    package func post(logFailure failure: Failure) { post(.failure(failure)) }

    func take() -> Contents {
        contents.withLock { contents in
            defer { contents = Contents(isWakeComing: contents.isWakeComing) }
            return contents
        }
    }

    var isClosed: Bool {
        get { closed.withLock { $0 } }
        set { closed.withLock { $0 = newValue } }
    }
}
