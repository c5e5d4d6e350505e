import CaudalModel
import Foundation

/// Work of one kind, as an attempt carries it out.
protocol AttemptWork: Sendable {
    /// What it writes, to be published.
    var outputs: [StagedOutput] { get }
    /// Whether it writes to the attempt's staging folder even where it has no outputs.
    var needsFolder: Bool { get }
    /// Does the work and judges it; publishes nothing.
    ///
    /// - Returns: What it came to; a failure of the work itself is part of that.
    /// - Throws: ``Failure`` where the work could not be begun, or cannot be trusted.
    func run(in context: AttemptContext) async throws -> FinishedWork
}

/// What the work of an attempt came to, before anything is published.
struct FinishedWork: Sendable {
    var result: AttemptResult
    /// Rows of each output, by its staged path.
    var outputRows: [String: Int64] = [:]
    /// The files to keep where the work failed, because they tell why.
    var evidence: [String] = []
}

extension StageWork {
    /// The work, whichever kind it is of.
    var work: any AttemptWork {
        switch self {
        case .data(let work): work
        case .load(let work): work
        case .command(let work): work
        case .inProcess(let work): work
        }
    }
}

extension AttemptContext {
    /// Does the stage's work and publishes what it made.
    ///
    /// - Throws: ``Failure`` where the work could not be done or published; nothing is published then.
    func work(_ publish: PublicationRecorder) async throws -> AttemptResult {
        var context = self
        try await context.attempt.findQueryColumns(engineTools)
        context.takePart()
        return try await context.carryOut(try stage.type.work(for: context.attempt).work, publish)
    }

    private func carryOut(_ work: any AttemptWork, _ publish: PublicationRecorder) async throws -> AttemptResult {
        try refuseHarm(by: work.outputs)
        try Publisher.prepare(work.outputs)
        // What runs a program elsewhere keeps files there.
        let needsFolder = work.needsFolder || stage.placement != .local
        if needsFolder || !work.outputs.isEmpty { try makeFolder(attempt.stagingFolder) }
        var done: FinishedWork
        do {
            done = try await work.run(in: self)
        } catch {
            clearStaging()
            throw error
        }
        guard done.result.ending == .succeeded else {
            clearStaging(except: done.evidence)
            return done.result
        }
        if work.outputs.isEmpty {
            // Most programs have written nothing for themselves: there is no folder to look for.
            if needsFolder || attempt.sources.values.contains(where: \.isCopied) { clearStaging() }
            return done.result
        }
        done.result.artifacts += work.outputs.compactMap { artifact(of: $0, rows: done.outputRows[$0.staged]) }
        return try await self.publish(done.result, work.outputs, publish)
    }

    /// Takes the results of checks into an attempt's result and into the log; one that failed fails the attempt.
    ///
    /// `withholds`: whether the attempt has outputs that stay unpublished then.
    func judge(_ checks: [CheckResult], _ result: inout AttemptResult, withholds: Bool) {
        result.checks = attempt.kept(checks)
        log.note(result.checks)
        guard result.failure == nil, let failure = CheckResult.failure(of: result.checks, withholds: withholds) else {
            return
        }
        result.fail(failure)
    }
}

extension AttemptResult {
    /// Takes in how an execution ended.
    mutating func take(_ execution: Execution) {
        exit = execution.exit
        usage = execution.usage
        lastLines = execution.lastLines
        notes += execution.notes
        if let failure = execution.failure { fail(failure) }
    }

    /// Makes the attempt a failed one.
    mutating func fail(_ failure: Failure) {
        ending = .failed
        self.failure = failure
    }

    /// Takes secrets out of every text that came from outside, before it is recorded.
    mutating func mask(_ log: AttemptLog) {
        failure = failure.map {
            Failure(
                log.masked($0.message), remedy: $0.remedy.map(log.masked), location: $0.location, kind: $0.kind)
        }
        lastLines = lastLines.map(log.masked)
        notes = notes.map(log.masked)
        for index in checks.indices {
            checks[index].message = log.masked(checks[index].message)
            checks[index].expectation = log.masked(checks[index].expectation)
            checks[index].waiver = checks[index].waiver.map(log.masked)
            checks[index].partition = checks[index].partition.map(log.masked)
            for sample in checks[index].samples.indices {
                checks[index].samples[sample].values = checks[index].samples[sample].values.map { $0.map(log.masked) }
            }
        }
    }
}
