package import CaudalModel
import Foundation

/// Runs programs as child processes of this one.
package struct ProcessExecutor: ProgramExecutor {
    private let host: ProgramHost

    package init(_ host: ProgramHost) { self.host = host }

    package func run(
        _ call: ProgramCall, for attempt: AttemptControl, output: @escaping ProcessReactor.OutputHandler
    ) async throws(Failure) -> ProgramEnd {
        var variables = call.variables
        var program = call.program
        if call.isOfUser {
            // A stage may run Caudal itself, wherever it was started from.
            variables["CAUDAL_PROGRAM"] = ProgramPath.own
            program = try Self.find(
                program, path: variables["PATH"] ?? host.environment["PATH"] ?? "/usr/bin:/bin", folder: host.folder)
        }
        let launch = ProcessLaunch(
            program: program, arguments: call.arguments,
            inherited: call.isOfUser ? host.environment : InheritedEnvironment([:]), variables: variables,
            folder: call.folder ?? host.folder, marker: attempt.marker, grace: attempt.grace, ledger: attempt.ledger,
            awaited: call.awaitedWrites(attempt))
        let end = try await host.reactor.run(launch, onStart: attempt.started, output: output)
        attempt.onStop(nil)
        return ProgramEnd(end)
    }

    /// The program that a name refers to.
    static func find(_ name: String, path: String, folder: String) throws(Failure) -> String {
        if name.isEmpty { throw Failure("the command is empty") }
        if name.hasPrefix("/") { return name }
        if name.contains("/") { return PathText.absolute(name, in: folder) }
        if let found = ProgramPath.find(name, path: path) { return found }
        throw Failure("the command '\(name)' is not on PATH", remedy: "install it, or give its path; PATH is \(path)")
    }
}
