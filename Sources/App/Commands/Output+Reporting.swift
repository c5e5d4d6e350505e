import CaudalModel
import ArgumentParser
import Engine

extension ExitStatus {
    /// The exit code, for ArgumentParser.
    var code: ExitCode { ExitCode(rawValue) }
}

extension Paint.Choice: ExpressibleByArgument {}

extension Output {
    /// Runs an action, and turns the engine's errors into a message and an exit status.
    static func reporting<Result>(_ action: () throws -> Result) throws -> Result {
        do { return try action() } catch { throw try explained(error) }
    }

    /// Runs an asynchronous action, and turns the engine's errors into a message and an exit status.
    static func reporting<Result>(_ action: () async throws -> Result) async throws -> Result {
        do { return try await action() } catch { throw try explained(error) }
    }

    private static func explained(_ error: any Error) throws -> any Error {
        switch error {
        case let error as InvalidPipeline:
            self.error(message: error.description)
            return ExitStatus.invalid.code
        case let error as ConfigError:
            self.error(message: error.oneLine)
            return ExitStatus.invalid.code
        case is ExitCode, is ValidationError, is CleanExit, is CancellationError: return error
        default: self.error(message: "error: \(error.reason)")
        }
        return ExitStatus.failed.code
    }
}
