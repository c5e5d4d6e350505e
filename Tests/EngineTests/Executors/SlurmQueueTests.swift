import CaudalModel
@testable import Engine
import Foundation
import TestSupport
import Testing

/// A queue whose programs are scripts of the tests.
@Suite("The queue of Slurm", .timeLimit(.minutes(1)))
struct SlurmQueueTests {
    @Test("Jobs have ended when the queue says so, and not when it does not answer")
    func silence() async throws {
        let folder = try OwnFolder()
        func script(_ name: String, _ text: String) throws {
            try FileText.write("#!/bin/sh\ncd '\(folder.path)'\n" + text, to: folder[name])
            chmod(folder[name], 0o755)
        }
        try script("scancel", "exit 0\n")
        try script(
            "squeue",
            """
            echo asked >> asked
            case $(wc -l < asked) in
              1) echo 'slurm_load_jobs error: Socket timed out on send/recv operation' >&2; exit 1 ;;
              2) echo 6; echo 7 ;;
              3) echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1 ;;
              *) echo 6 ;;
            esac

            """)
        let host = ProgramHost(
            reactor: ProcessReactor(), folder: folder.path, environment: ["PATH": "\(folder.path):/usr/bin:/bin"])
        try await SlurmQueue(host, poll: .seconds(1)).cancel(["7"])
        #expect(try FileText.read(folder["asked"]).split(separator: "\n").count == 5)
    }
}
