import CSystem
import CaudalModel
import Foundation
import Synchronization

/// The process that holds a run's session on Spark: begun by the first job, ended with the run.
///
/// It is one for all attempts, because a session takes seconds to begin. When it dies, the jobs that it had fail, and the next
/// job begins another.
final class SparkDriver: Sendable {
    /// How a process of the driver is started.
    struct Launch: Sendable {
        var python: String
        var environment: [String: String]
        var root: String
        var settings: SparkSettings
        var remote: String?
    }

    /// What is told of a job while it runs; called on the reactor's thread.
    typealias Listener = @Sendable (SparkEvent) -> Void

    private struct Session {
        var child: ChildProcess?
        var input: ChildInput?
        /// Nil until the session is there.
        var answer: Result<SparkEvent, Failure>?
        var waiting: [Int: CheckedContinuation<Result<SparkEvent, Failure>, Never>] = [:]
        var jobs: [String: (listener: Listener, end: CheckedContinuation<Result<SparkEvent, Failure>, Never>)] = [:]
        var line: [UInt8] = []
        var lastHeard: Int64 = 0
        /// Why it was ended from here.
        var reason: Failure?
    }

    private struct State {
        var number = 0
        var waiters = 0
        var sessions: [Int: Session] = [:]
        /// The one that new jobs go to.
        var current: Int?
        var tail: [String] = []
        var isClosed = false
    }

    /// How long the driver may say nothing: it says something every five seconds.
    private static let silence: Int64 = 90_000
    private let reactor: ProcessReactor
    private let launch: Launch
    private let state = Mutex(State())

    init(_ reactor: ProcessReactor, _ launch: Launch) {
        self.reactor = reactor
        self.launch = launch
    }

    deinit { state.withLock { for session in $0.sessions.values { session.input?.close() } } }

    // MARK: - Jobs

    /// Runs the job in a file to its end.
    ///
    /// - Returns: The last event of it.
    /// - Throws: ``Failure`` when there is no session, or it ended under the job.
    func run(_ file: String, for attempt: AttemptControl, listener: @escaping Listener) async throws(Failure)
        -> SparkEvent
    {
        let session = try await opened(for: attempt)
        let id = "\(attempt.marker)/\(UInt32.random(in: 0 ... .max))"
        let result = await withCheckedContinuation { continuation in
            let input = state.withLock { state -> ChildInput? in
                guard state.sessions[session]?.child != nil else { return nil }
                state.sessions[session]?.jobs[id] = (listener, continuation)
                return state.sessions[session]?.input
            }
            guard let input else {
                return continuation.resume(returning: .failure(Failure("Spark's driver has ended")))
            }
            let request = ["op": "job", "id": id, "file": file]
            // A driver that is gone is noticed by its end.
            input.send(Self.line(request))
            attempt.onStop { [weak self] in self?.cancel(id, of: session, within: attempt.grace) }
        }
        attempt.onStop(nil)
        return try result.get()
    }

    /// Stops a job, and the driver where that does not help.
    private func cancel(_ id: String, of session: Int, within grace: Duration) {
        let input = state.withLock { $0.sessions[session]?.input }
        input?.send(Self.line(["op": "cancel", "id": id]))
        Task { [weak self] in
            try? await Task.sleep(for: grace + .seconds(10))
            let child = self?.state.withLock { state -> ChildProcess? in
                guard state.sessions[session]?.jobs[id] != nil else { return nil }
                state.sessions[session]?.reason = Failure(
                    "a job on Spark did not end when it was stopped, and its driver was ended")
                return state.sessions[session]?.child
            }
            child?.stop()
        }
    }

    /// Ends the session, within some seconds.
    func close() async {
        let children = state.withLock { state -> [ChildProcess] in
            state.isClosed = true
            for session in state.sessions.values { session.input?.close() }
            return state.sessions.values.compactMap(\.child)
        }
        for child in children {
            let patience = Task {
                try? await Task.sleep(for: .seconds(12))
                if !Task.isCancelled { child.stop() }
            }
            _ = await child.exit()
            patience.cancel()
        }
    }

    // MARK: - The session

    /// The session, once it is there.
    private func opened(for attempt: AttemptControl) async throws(Failure) -> Int {
        let (number, isNew) = state.withLock { state -> (Int, Bool) in
            if let current = state.current { return (current, false) }
            state.number += 1
            state.current = state.number
            state.sessions[state.number] = Session()
            return (state.number, true)
        }
        if isNew {
            attempt.log.note(
                "opening a session on Spark: \(launch.remote.map { _ in "Spark Connect" } ?? launch.settings.master)")
            do throws(Failure) {
                try await begin(number, for: attempt)
            } catch {
                end(number, error)
                throw error
            }
        }
        let answer = await withCheckedContinuation { continuation in
            let (known, waiter) = state.withLock { state -> (Result<SparkEvent, Failure>?, Int) in
                guard let session = state.sessions[number] else {
                    return (.failure(Failure("Spark's driver has ended")), 0)
                }
                state.waiters += 1
                if session.answer == nil { state.sessions[number]?.waiting[state.waiters] = continuation }
                return (session.answer, state.waiters)
            }
            if let known { return continuation.resume(returning: known) }
            // The session may take minutes to begin, and others may be waiting for it.
            attempt.onStop { [weak self] in
                let waiting = self?.state.withLock { $0.sessions[number]?.waiting.removeValue(forKey: waiter) }
                waiting?.resume(
                    returning: .failure(Failure("it was stopped before its session on Spark had begun")))
            }
        }
        let ready = try answer.get()
        if isNew {
            let facts = [ready.application, ready.java.map { "Java \($0)" }, ready.ui].compactMap { $0 }
            attempt.log.note(
                "Spark \(ready.version ?? "?") is there" + (facts.isEmpty ? "" : ": " + facts.joined(separator: ", ")))
        }
        return number
    }

    private func begin(_ number: Int, for attempt: AttemptControl) async throws(Failure) {
        let input = try ChildInput()
        // A question is asked on behalf of an attempt, whose run knows the process when it has to be ended.
        let owner = AttemptControl.asking ?? attempt
        let start = ProcessLaunch(
            program: launch.python, arguments: ["-u", "-c", SparkDriverProgram.text],
            variables: launch.environment.merging(["CAUDAL_RUN_ID": owner.run.rawValue]) { $1 }, folder: launch.root,
            marker: owner.marker, grace: .seconds(5), ledger: owner.ledger, input: input)
        let child: ChildProcess
        do throws(Failure) {
            child = try await reactor.start(start) { [weak self] stream, bytes in self?.take(stream, bytes, of: number)
            }
        } catch {
            input.close()
            throw error
        }
        state.withLock { state in
            state.sessions[number]?.child = child
            state.sessions[number]?.input = input
            state.sessions[number]?.lastHeard = cs_steady_milliseconds()
        }
        child.onExit { [weak self] exit in self?.ended(number, exit) }
        // What does not change from job to job.
        var request: [String: Any] = ["op": "open", "name": "caudal \(owner.run)"]
        if let remote = launch.remote {
            request["remote"] = remote
        } else {
            request["master"] = launch.settings.master
            request["settings"] = Self.usual.merging(launch.settings.settings) { $1 }.merging(SparkJob.settings) { $1 }
        }
        input.send(Self.line(request))
        watch(number, child)
    }

    /// Settings of a session of our own that a pipeline may change.
    private static let usual = [
        "spark.ui.showConsoleProgress": "false", "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": NSTemporaryDirectory() + "caudal-spark-warehouse",
        "spark.scheduler.mode": "FAIR", "spark.sql.shuffle.partitions": "64",
    ]

    /// Ends a driver that does not begin in time, and one that says nothing any more.
    private func watch(_ number: Int, _ child: ChildProcess) {
        let start = launch.settings.start
        let begun = cs_steady_milliseconds()
        Task { [weak self] in
            while true {
                try? await Task.sleep(for: .seconds(1))
                guard let self else { return }
                let now = cs_steady_milliseconds()
                let reason = self.state.withLock { state -> Failure?? in
                    guard let session = state.sessions[number] else { return .some(nil) }
                    if session.answer == nil, Double(now - begun) > start.seconds * 1000 {
                        return Failure(
                            "Spark opened no session within \(start.short)",
                            remedy:
                                "see whether the cluster can be reached and has cores free; 'spark: {start: 5m}' allows it more time"
                        )
                    }
                    if now - session.lastHeard > Self.silence {
                        return Failure("Spark's driver said nothing for \(Self.silence / 1000) seconds")
                    }
                    return .none
                }
                guard let reason else { continue }
                guard let reason else { return }
                self.state.withLock { $0.sessions[number]?.reason = reason }
                return child.stop()
            }
        }
    }

    // MARK: - What it tells

    private func take(_ stream: LogStream, _ bytes: UnsafeRawBufferPointer, of number: Int) {
        let lines = state.withLock { state -> [ArraySlice<UInt8>] in
            guard stream == .stdout else {
                let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
                state.tail = (state.tail + text).suffix(30)
                return []
            }
            guard state.sessions[number] != nil else { return [] }
            state.sessions[number]?.lastHeard = cs_steady_milliseconds()
            state.sessions[number]?.line.append(contentsOf: bytes)
            guard let all = state.sessions[number]?.line, let last = all.lastIndex(of: 0x0A) else { return [] }
            state.sessions[number]?.line = Array(all[(last + 1)...])
            return all[..<last].split(separator: 0x0A)
        }
        for line in lines {
            // A line that is no event is one of a library that writes where it must not.
            guard let event = try? JSONDecoder().decode(SparkEvent.self, from: Data(line)) else { continue }
            take(event, of: number)
        }
    }

    private func take(_ event: SparkEvent, of number: Int) {
        switch event.event {
        case .ready: answer(number, .success(event))
        case .refused:
            end(
                number,
                Failure(
                    "Spark opened no session: \(event.words(hides: false).shortened(to: 400))",
                    remedy: "see 'caudal doctor', and 'master' or 'remote' of 'spark'"))
        case .beat: break
        case .statement, .progress, .row, .wrote, .fault:
            let listener = state.withLock { $0.sessions[number]?.jobs[event.id ?? ""]?.listener }
            listener?(event)
        case .done, .failed, .cancelled:
            let job = state.withLock { $0.sessions[number]?.jobs.removeValue(forKey: event.id ?? "") }
            job?.end.resume(returning: .success(event))
        }
    }

    private func answer(_ number: Int, _ answer: Result<SparkEvent, Failure>) {
        let waiting = state.withLock { state in
            state.sessions[number]?.answer = answer
            defer { state.sessions[number]?.waiting = [:] }
            return state.sessions[number]?.waiting ?? [:]
        }
        for one in waiting.values { one.resume(returning: answer) }
    }

    private func ended(_ number: Int, _ exit: ChildExit) {
        let (reason, tail) = state.withLock { ($0.sessions[number]?.reason, $0.tail) }
        let last =
            tail.last { !$0.trimmed.isEmpty && !$0.hasPrefix("\t") }.map { ": \($0.trimmed.shortened(to: 300))" } ?? ""
        end(number, reason ?? Failure("Spark's driver ended (\(exit.exit))\(last)", remedy: "retry the stage"))
    }

    /// Takes a session for gone: what waits for it fails, and a later job begins another.
    private func end(_ number: Int, _ failure: Failure) {
        let session = state.withLock { state -> Session? in
            if state.current == number { state.current = nil }
            return state.sessions.removeValue(forKey: number)
        }
        session?.input?.close()
        for one in session?.waiting.values ?? [:].values { one.resume(returning: .failure(failure)) }
        for job in session?.jobs.values ?? [:].values { job.end.resume(returning: .failure(failure)) }
    }

    private static func line(_ request: [String: Any]) -> String {
        // Texts and dictionaries of texts are always JSON.
        let bytes = (try? JSONSerialization.data(withJSONObject: request)) ?? Data()
        return String(decoding: bytes, as: UTF8.self)
    }
}
