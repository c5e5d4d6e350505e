package import CaudalModel
import CSystem
import Foundation

/// Processes of Caudal that go on when the one that started them has ended, and when its terminal closes.
package enum DetachedProcess {
    /// Starts a process in a process group of its own; what it prints is read nowhere, because everything that a run says is
    /// in its log.
    ///
    /// - Parameters:
    ///   - words: The path of the program, and its arguments.
    ///   - errors: The descriptor that it writes its errors to.
    /// - Returns: Its process id.
    /// - Throws: ``Failure`` when it cannot be started.
    package static func start(
        _ words: [String], _ environment: [String: String], errors: Int32
    ) throws(Failure) -> Int32 {
        let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(nowhere) }
        let pid = withCStrings(words) { arguments in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { variables in
                cs_spawn(words[0], arguments, variables, nil, nowhere, nowhere, errors, 0)
            }
        }
        guard pid > 0 else { throw Failure("\(words[0]) cannot be started", errno: -pid) }
        return pid
    }

    /// How a process that this one started has ended; nil while it runs.
    package static func exit(of pid: Int32) -> ProcessExit? {
        var exit = cs_exit()
        let result = cs_reap(pid, &exit)
        return result < 0 || exit.exited == 1 ? ProcessExit(exit) : nil
    }

    /// Calls `body` with texts as C has them: an array of addresses that ends with NULL.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return body(copies)
    }
}
