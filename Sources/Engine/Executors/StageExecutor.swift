package import CaudalModel
import Synchronization

/// Does the work of one attempt and reports on it.
///
/// Every executor passes the same conformance suite: success, failure, a missing program, floods of output, stopping.
package protocol StageExecutor: Sendable {
    associatedtype Work: Sendable

    /// Does the work and returns when all of its processes have ended.
    ///
    /// To stop it, call ``AttemptControl/requestStop(_:)`` and do not cancel its task: the work then ends in its own
    /// way, so that its last lines and its exit status are kept.
    func execute(_ work: Work, for attempt: AttemptControl) async -> Execution
}

/// How an attempt's work ended.
package struct Execution: Sendable {
    /// Why the work failed; nil when it succeeded.
    package var failure: Failure?
    package var exit: ProcessExit?
    package var usage: ResourceUsage?
    /// The last lines of its output, oldest first.
    package var lastLines: [String]
    /// The results of a data stage.
    package var readings: DataReadings?
    /// The SQL engine's errors for statements that failed, in order.
    package var errors: [String]
    /// Whether a statement failed for want of memory.
    package var lacksMemory = false
    /// What a person should know of it though it succeeded.
    package var notes: [String] = []

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

extension Execution {
    /// What work comes to: that it could not be done is its failure.
    static func catching(_ work: () async throws(Failure) -> Execution) async -> Execution {
        do throws(Failure) { return try await work() } catch { return Execution(failure: error) }
    }
}

/// Connects a running attempt with the engine: passes reports out and a request to stop in.
package final class AttemptControl: Sendable {
    package let unit: UnitID
    package let number: Int
    package let run: RunID
    package let log: AttemptLog
    /// How long a process may take to end before it is killed.
    package let grace: Duration
    /// How long it may take, as far as somebody else may have to end it; nil for as long as it takes.
    let timeLimit: Duration?
    /// Where its processes are recorded before they execute their programs.
    let ledger: SpawnLedger?
    private let onSpawn: @Sendable (WorkIdentity) -> Void
    private let onProgress: @Sendable (Progress) -> Void
    private let stopping = Mutex<(reason: StopReason?, handler: (@Sendable () -> Void)?)>((nil, nil))

    package init(
        unit: UnitID, number: Int, run: RunID, log: AttemptLog, grace: Duration = .seconds(5),
        timeLimit: Duration? = nil, ledger: SpawnLedger? = nil,
        onSpawn: @escaping @Sendable (WorkIdentity) -> Void = { _ in },
        onProgress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) {
        self.unit = unit
        self.number = number
        self.run = run
        self.log = log
        self.grace = grace
        self.timeLimit = timeLimit
        self.ledger = ledger
        self.onSpawn = onSpawn
        self.onProgress = onProgress
    }

    /// The attempt on whose behalf code asks a question: the question ends with the attempt.
    @TaskLocal package static var asking: AttemptControl?

    /// Marks the attempt's processes: `run/stage/item#attempt`.
    package var marker: String { Self.marker(run, unit, number) }

    static func marker(_ run: RunID, _ unit: UnitID, _ number: Int) -> String { "\(run)/\(unit)#\(number)" }

    /// Asks the attempt to stop.
    package func requestStop(_ reason: StopReason) {
        let handler = stopping.withLock { stopping -> (@Sendable () -> Void)? in
            guard stopping.reason == nil else { return nil }
            stopping.reason = reason
            return stopping.handler
        }
        handler?()
    }

    /// The reason of the request to stop; nil without one.
    package var stopReason: StopReason? { stopping.withLock { $0.reason } }

    /// Sets how the attempt is stopped from now on; called immediately if a stop was already requested.
    package func onStop(_ handler: (@Sendable () -> Void)?) {
        let isLate = stopping.withLock { stopping -> Bool in
            stopping.handler = handler
            return stopping.reason != nil
        }
        if isLate { handler?() }
    }

    /// Records that the attempt's process runs: notifies the engine and passes on a request to stop.
    func started(_ child: ChildProcess) {
        began(.process(child.identity))
        onStop { child.stop() }
    }

    /// Records that a process runs for the attempt which is known under another name, and which `stop` stops.
    func started(_ child: ChildProcess, as work: WorkIdentity, stop: @escaping @Sendable () -> Void) {
        began(work)
        onStop(stop)
    }

    /// Tells the engine what does the attempt's work from now on.
    package func began(_ work: WorkIdentity) { onSpawn(work) }

    /// Reports the attempt's progress to the engine.
    package func report(_ progress: Progress) { onProgress(progress) }
}

/// The log of one attempt: its program's output and the engine's lines about it.
package final class AttemptLog: Sendable {
    private let writer: LogWriter?
    /// The program's share of the log; nil for the run as a whole.
    private let share: LogShare?
    /// Created on first use: most attempts use one or two of the three.
    private let channels = Mutex<[LogStream: LogChannel]>([:])
    /// What is known of the record that each stream is in.
    private let records = Mutex<[LogStream: LogRecordReader]>([:])
    private let makeChannel: @Sendable (LogStream) -> LogChannel
    private let masker: SecretMasker
    private let now: @Sendable () -> Moment
    private let onRemark: @Sendable ([LogChannel.Remark]) -> Void
    private let remarks = Mutex(0)

    /// The maximum number of remarks of one attempt in the run store; the log has all lines.
    static let remarkLimit = 1000
    /// The maximum length of a line kept with an attempt's result, in bytes; the log has the whole line.
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

    /// The text with the run's secrets masked, for records outside of the log.
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
    /// - Parameter level: The level of all of them; nil takes the level that each line states, or info.
    package func write(
        _ stream: LogStream, level: LogLevel? = nil, _ lines: ((UnsafeBufferPointer<UInt8>) -> Void) -> Void
    ) {
        var source: (channel: LogChannel, stamp: LogChannel.Stamp)?
        // Only one thread reads a stream.
        var records = self.records.withLock { $0[stream] } ?? LogRecordReader()
        var block: [UInt8] = []
        var found: [LogChannel.Remark] = []
        lines { line in
            // Most calls have no line: a stream has ended, or the chunk was the middle of a line.
            let (channel, stamp) = source ?? (channel(stream), LogChannel.Stamp(now().wall))
            source = (channel, stamp)
            let remark: LogChannel.Remark?
            if masker.isEmpty {
                remark = channel.append(line, stamp, level: level, &records, to: &block)
            } else {
                remark = masker.withMasked(line) { channel.append($0, stamp, level: level, &records, to: &block) }
            }
            if let remark { found.append(remark) }
        }
        if source != nil { self.records.withLock { [records] in $0[stream] = records } }
        if let writer, let share {
            if writer.append(block, of: share) {
                note("the log has no room for more of what this attempt prints: its last lines come when it ends")
            }
        } else {
            writer?.append(block)
        }
        keep(found)
    }

    /// Writes the lines that were held until the attempt's end.
    ///
    /// - Returns: A sentence about what was omitted; nil when the log has everything.
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

    /// How many bytes of a truncated line may be kept: no part of a secret at the cut.
    func lengthBeforeCutSecret(_ line: UnsafeBufferPointer<UInt8>) -> Int { masker.lengthBeforeCutSecret(line) }

    /// The beginning of a line as it may be shown: secrets masked, including one at the cut.
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
