package import CaudalModel
import Foundation
import Synchronization

/// Spark, by a driver that lives as long as a run.
package struct SparkEngine: SQLEngine {
    package static let name = "spark"
    package static var dialect: any SQLDialect { SparkDialect() }
    package static var writesParts: Bool { true }

    private let surroundings: EngineSurroundings
    private let session: Session

    package init(_ surroundings: EngineSurroundings) {
        self.surroundings = surroundings
        session = Session()
    }

    /// The driver, made when it is first asked for.
    private final class Session: Sendable {
        let driver = Mutex<SparkDriver?>(nil)
        let located = Mutex<SparkProgram?>(nil)
    }

    package static func makeQueryReader() -> any QueryReader { LenientQueries() }

    package static func locate(
        root: String, variables: [String: String], cache: String, reactor: ProcessReactor
    ) async throws(Failure) -> EngineProgram {
        let found = try await SparkProgram.locate(root: root, variables: variables, reactor: reactor)
        return EngineProgram(name: name, version: found.version, path: found.python, note: found.java)
    }

    package func program() async throws(Failure) -> EngineProgram { try await surroundings.program() }

    package var isInstalled: Bool {
        ProgramPath.find("python3", path: surroundings.variables["PATH"]) != nil
    }

    package func obstacles(to stage: Stage, in pipeline: Pipeline) -> [ConfigError] {
        SparkStageLimits.faults(of: stage, in: pipeline)
    }

    package func obstacle(toRead source: DataSource, validating: Bool, root: String) -> String? {
        if validating { return source.obstacleToLines(root: root) }
        return source.columns.lazy.compactMap { SparkDialect().obstacle(toRead: $0) }.first
    }

    package func reads(_ source: DataSource, validating: Bool) -> Bool {
        source.files.isEmpty || validating || source.isReadBySpark
    }

    private func driver() async throws(Failure) -> SparkDriver {
        if let known = session.driver.withLock({ $0 }) { return known }
        let program = try await SparkProgram.locate(
            root: surroundings.root, variables: surroundings.variables, reactor: surroundings.reactor)
        let remote =
            surroundings.spark.remote ?? surroundings.variables["SPARK_REMOTE"].flatMap { $0.isEmpty ? nil : $0 }
        if remote == nil, program.java == nil {
            throw Failure(
                "Spark needs Java, and java was not found",
                remedy: "install Java 17, or set JAVA_HOME, or use Spark Connect: 'spark: {remote: sc://…}'")
        }
        let launch = SparkDriver.Launch(
            python: program.python, environment: program.environment, root: surroundings.root,
            settings: surroundings.spark, remote: remote)
        return session.driver.withLock { known in
            let driver = known ?? SparkDriver(surroundings.reactor, launch)
            known = driver
            return driver
        }
    }

    package func close() async {
        let driver = session.driver.withLock { driver in
            defer { driver = nil }
            return driver
        }
        await driver?.close()
    }

    package func hasBegun(_ job: SQLJob) -> Bool { FileText.exists(job.workFolder + "/" + Self.begunName) }

    /// The driver itself ends a session that does not begin.
    package var patience: Duration { surroundings.spark.start + ToolRun.patience + ToolRun.patience }

    private static let (begunName, passingName) = (".caudal-begun", ".caudal-job.json")

    package func execute(_ job: SQLJob, for attempt: AttemptControl) async -> Execution {
        await .catching { () async throws(Failure) in try await run(job, for: attempt) }
    }

    private func run(_ job: SQLJob, for attempt: AttemptControl) async throws(Failure) -> Execution {
        let driver = try await driver()
        let kept = surroundings.masker.masked(dialect.text(of: job.script, prelude: []))
        try FileText.write(kept, to: job.scriptFile, isPrivate: true)
        let passing = job.workFolder + "/" + Self.passingName
        // It may hold secrets, and is there only as long as it is needed.
        defer { unlink(passing) }
        let request = SparkJob(job, settings: surroundings.spark.settings, root: surroundings.root)
        try FileText.write(JSONText.encoded(request), to: passing, isPrivate: true)
        let answers = SparkAnswers(job.script, attempt: attempt, masker: surroundings.masker, hides: job.hidesValues)
        let begun = job.workFolder + "/" + Self.begunName
        let last = try await driver.run(passing, for: attempt) { event in
            if event.event == .statement, event.n == 1 { try? FileText.write("", to: begun) }
            answers.take(event)
        }
        return answers.execution(last, of: job)
    }

    package func driver(for kind: Connection.Kind) async throws(Failure) -> String? {
        throw Failure("stages on Spark reach no databases")
    }

    package func attachment(of link: DatabaseLink, isReadOnly: Bool) async throws(Failure) -> DatabaseAttachment {
        throw Failure("stages on Spark reach no databases")
    }

    package func settings(memory: Int64, threads: Int?, attaching lines: [String], folders: [String]) -> [String] {
        ["-- Settings"] + SparkJob.settings.sorted { $0.key < $1.key }.map { "SET \($0.key) = \($0.value);" }
    }
}

/// Takes queries for what they say: those of Spark are read by Spark alone, when they run.
private struct LenientQueries: QueryReader {
    var dialect: any SQLDialect { SparkEngine.dialect }

    func readings(
        of texts: [String], root: String, variables: [String: String]
    ) throws(Failure) -> [String: Result<QueryReading, QueryReading.Fault>] {
        Dictionary(texts.map { ($0, .success(QueryReading(tables: [], unsteady: []))) }) { first, _ in first }
    }
}
