import Synchronization

/// Carries out one attempt's work and reports on it.
///
/// Every executor passes the same conformance suite: success, failure, a missing program, floods of output, stopping.
package protocol StageExecutor: Sendable {
    associatedtype Work: Sendable

    /// Does the work and returns when everything has ended and nothing of it is left.
    ///
    /// Stopping is a message, never a cancelled task: ``AttemptControl/requestStop(_:)`` makes the work end in its own
    /// way, so that its last lines and its true ending are kept.
    func execute(_ work: Work, for attempt: AttemptControl) async -> Execution
}

/// How an attempt's work ended.
package struct Execution: Sendable {
    /// Why it did not work, or nil when it did.
    package var failure: Failure?
    package var exit: ProcessExit?
    package var usage: ResourceUsage?
    /// The last lines it wrote, oldest first.
    package var lastLines: [String]
    /// What a data stage gave back.
    package var readings: DataReadings?
    /// What DuckDB said about statements that failed, in order.
    package var errors: [String]

    package init(
        failure: Failure? = nil, exit: ProcessExit? = nil, usage: ResourceUsage? = nil, lastLines: [String] = [],
        readings: DataReadings? = nil, errors: [String] = []
    ) {
        self.failure = failure
        self.exit = exit
        self.usage = usage
        self.lastLines = lastLines
        self.readings = readings
        self.errors = errors
    }
}

/// What connects one attempt with the engine while it runs: reports go out, a request to stop comes in.
package final class AttemptControl: Sendable {
    package let unit: UnitID
    package let number: Int
    package let run: RunID
    package let log: AttemptLog
    /// How long a process has between being asked to end and being killed.
    package let grace: Duration
    /// Where its processes are noted before they begin.
    let ledger: SpawnLedger?
    private let onSpawn: @Sendable (WorkIdentity) -> Void
    private let onProgress: @Sendable (Progress) -> Void
    private let stopping = Mutex<(reason: StopReason?, handler: (@Sendable () -> Void)?)>((nil, nil))

    package init(
        unit: UnitID, number: Int, run: RunID, log: AttemptLog, grace: Duration = .seconds(5),
        ledger: SpawnLedger? = nil, onSpawn: @escaping @Sendable (WorkIdentity) -> Void = { _ in },
        onProgress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) {
        self.unit = unit
        self.number = number
        self.run = run
        self.log = log
        self.grace = grace
        self.ledger = ledger
        self.onSpawn = onSpawn
        self.onProgress = onProgress
    }

    /// The attempt that whoever asks a question asks it for: the question ends with it.
    @TaskLocal package static var asking: AttemptControl?

    /// Marks the attempt's processes: `run/stage/item#attempt`.
    package var marker: String { Self.marker(run, unit, number) }

    static func marker(_ run: RunID, _ unit: UnitID, _ number: Int) -> String { "\(run)/\(unit)#\(number)" }

    /// Asks the attempt to end.
    package func requestStop(_ reason: StopReason) {
        let handler = stopping.withLock { stopping -> (@Sendable () -> Void)? in
            guard stopping.reason == nil else { return nil }
            stopping.reason = reason
            return stopping.handler
        }
        handler?()
    }

    /// Why it was asked to end, if it was.
    package var stopReason: StopReason? { stopping.withLock { $0.reason } }

    /// Says how the attempt is ended from now on; carried out at once when it was asked to end already.
    package func onStop(_ handler: (@Sendable () -> Void)?) {
        let isLate = stopping.withLock { stopping -> Bool in
            stopping.handler = handler
            return stopping.reason != nil
        }
        if isLate { handler?() }
    }

    /// Takes in that the attempt's process runs: the engine is told, and a request to stop goes to it.
    func started(_ child: ChildProcess) {
        began(.process(child.identity))
        onStop { child.stop() }
    }

    /// Tells the engine what does the attempt's work from now on.
    package func began(_ work: WorkIdentity) { onSpawn(work) }

    /// Tells the engine how far the attempt is.
    package func report(_ progress: Progress) { onProgress(progress) }
}

/// The log as one attempt writes it: its program's output and the engine's own lines about it.
package final class AttemptLog: Sendable {
    private let writer: LogWriter?
    /// How much of the log its program has; nil for the run as a whole.
    private let share: LogShare?
    /// Made when something is first written: most attempts use one or two of the three.
    private let channels = Mutex<[LogStream: LogChannel]>([:])
    private let makeChannel: @Sendable (LogStream) -> LogChannel
    private let masker: SecretMasker
    private let now: @Sendable () -> Moment
    private let onRemark: @Sendable ([LogChannel.Remark]) -> Void
    private let remarks = Mutex(0)

    /// How many lines of one attempt become rows of the run store; the others are in the log all the same.
    static let remarkLimit = 1000
    /// The longest line that is kept with an attempt's result, in bytes; the log has all of it.
    static let excerptLimit = 500

    package init(
        writer: LogWriter?, pipeline: String, run: RunID, unit: UnitID?, attempt: Int?, masker: SecretMasker,
        now: @escaping @Sendable () -> Moment, onRemark: @escaping @Sendable ([LogChannel.Remark]) -> Void = { _ in }
    ) {
        self.writer = writer
        share = unit.map { LogShare($0.stage) }
        self.masker = masker
        self.now = now
        self.onRemark = onRemark
        makeChannel = {
            LogChannel(pipeline: pipeline, run: run, unit: unit, attempt: attempt, stream: $0)
        }
    }

    private func channel(_ stream: LogStream) -> LogChannel {
        channels.withLock { channels in
            if let channel = channels[stream] { return channel }
            let channel = makeChannel(stream)
            channels[stream] = channel
            return channel
        }
    }

    /// A text without the run's secrets, for what is kept of an attempt beside the log.
    package func masked(_ text: String) -> String { masker.masked(text) }

    /// Writes a line of the engine about the attempt.
    package func note(_ message: String, level: LogLevel = .info) {
        let channel = channel(.engine)
        var block: [UInt8] = []
        let remark = channel.append(masker.masked(message), time: now().wall, level: level, to: &block)
        writer?.append(block)
        keep(remark.map { [$0] } ?? [])
    }

    /// Writes lines of the program; `lines` calls its argument with each of them.
    ///
    /// `level`: the level of all of them; nil takes what each line claims, or info.
    package func write(
        _ stream: LogStream, level: LogLevel? = nil, _ lines: ((UnsafeBufferPointer<UInt8>) -> Void) -> Void
    ) {
        var source: (channel: LogChannel, time: Int64)?
        var block: [UInt8] = []
        var found: [LogChannel.Remark] = []
        lines { line in
            // Most often there is no line: a stream has ended, or a chunk was the middle of one.
            let (channel, time) = source ?? (channel(stream), now().wall)
            source = (channel, time)
            let remark: LogChannel.Remark?
            if masker.isEmpty {
                remark = channel.append(line, time: time, level: level, to: &block)
            } else {
                remark = masker.withMasked(line) { channel.append($0, time: time, level: level, to: &block) }
            }
            if let remark { found.append(remark) }
        }
        if let writer, let share {
            if writer.append(block, of: share) {
                note("the log has no room for more of what this attempt prints: its last lines come when it ends")
            }
        } else {
            writer?.append(block)
        }
        keep(found)
    }

    /// Writes what was kept for the attempt's end.
    ///
    /// - Returns: What was left out, in a sentence; nil when all of it is in the log.
    package func finish() -> String? {
        guard let writer, let share else { return nil }
        let (newest, left) = writer.finish(share)
        defer { writer.append(newest) }
        guard left.lines > 0 else { return nil }
        let lines = left.lines.counted("line")
        let what = "\(lines) (\(Int64(left.bytes).shortBytes)) left out"
        note("\(what) here: the log has reached its limit ('log: {max: …}')", level: .warn)
        return "\(what) of the log, which has reached its limit"
    }

    /// How much of a line that was cut may be kept: none of a secret that the cut goes through.
    func lengthBeforeCutSecret(_ line: UnsafeBufferPointer<UInt8>) -> Int { masker.lengthBeforeCutSecret(line) }

    /// The beginning of a line as it may be shown: without secrets, none of which the cut may leave a part of.
    func excerpt(of line: UnsafeBufferPointer<UInt8>) -> String {
        masker.withMasked(line) { String(decoding: $0.prefix(Self.excerptLimit), as: UTF8.self) }
    }

    private func keep(_ found: [LogChannel.Remark]) {
        guard !found.isEmpty else { return }
        let room = remarks.withLock { count -> Int in
            defer { count += found.count }
            return max(0, Self.remarkLimit - count)
        }
        if room > 0 { onRemark(Array(found.prefix(room))) }
    }
}
