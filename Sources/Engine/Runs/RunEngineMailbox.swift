package import CaudalModel
import Synchronization

/// Messages to an engine that it has not processed yet.
package final class RunEngineMailbox: Sendable {
    enum Mail: Sendable {
        case input(RunInput)
        case remarks([LogChannel.Remark])
        /// Something without which the run cannot go on was lost.
        case failure(StoreError)
        case close

        /// Whether it need not wake the engine by itself and may be recorded with the next message.
        var canWait: Bool {
            switch self {
            case .input(.attemptSpawned), .input(.progressed), .remarks: true
            case .input, .failure, .close: false
            }
        }
    }

    /// The maximum delay of such messages.
    private static let patience = Duration.milliseconds(20)

    /// An input and when it happened, which may be long before it is processed.
    struct TimestampedInput: Sendable {
        let input: RunInput
        let time: Moment
    }

    struct Contents: Sendable {
        var inputs: [TimestampedInput] = []
        var remarks: [LogChannel.Remark] = []
        var failure: StoreError?
        var close = false
        /// Whether a wake-up for delayed messages is scheduled.
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
        // An unstructured task: the sender must not wait. Usually the message has been processed with another one by
        // then.
        Task {
            try? await ContinuousClock().sleep(for: Self.patience)
            contents.withLock { $0.isWakeComing = false }
            wake.yield()
        }
    }

    /// Posts inputs that are to be processed as one batch.
    func post(_ inputs: [RunInput]) {
        contents.withLock { contents in
            let time = now()
            contents.inputs += inputs.map { TimestampedInput(input: $0, time: time) }
        }
        wake.yield()
    }

    /// Reports that the log can no longer be written.
    package func post(logFailure failure: Failure) {
        post(failure: StoreError(.unreadable(failure.description), path: "the log"))
    }

    /// Reports that the run cannot go on.
    func post(failure: StoreError) { post(.failure(failure)) }

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
