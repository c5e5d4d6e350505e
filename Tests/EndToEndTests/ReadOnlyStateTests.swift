import Foundation
import TestSupport
import Testing

@Suite(
    "A state folder that cannot be written to", .timeLimit(.minutes(5)),
    .enabled(if: SmallDisk.isPossible, "needs the right to mount a file system"))
struct ReadOnlyStateTests {
    @Test("It is read like any other one, and what would change it is refused")
    func read() async throws {
        let temporary = try OwnFolder()
        let project = try CaudalProject(copying: [], variables: ["TMPDIR": temporary.path])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            stages:
              a: {type: command, run: echo hello}
              b: {type: command, run: exit 3}
            """)
        let disk = try SmallDisk(sizeInKiB: 4096)
        let state = disk.path + "/state"
        #expect(try await project.caudal("run", "p.yaml", "--plain", "--state", state).status == 1)
        try disk.makeReadOnly()

        for (verb, text) in [
            (["runs"], "failed"), (["show", "last"], "b: exit status 3"), (["logs"], "hello"),
            (["failures"], "exit status"), (["stats"], "p"),
            (["sql", "select stage from attempts where run is not null"], "a"),
        ] {
            let told = try await project.caudal(verb + ["--state", state])
            #expect(told.status == 0 && told.output.contains(text), "\(verb): \(told)")
        }
        #expect(temporary.contents.isEmpty)

        for verb in [["run", "p.yaml", "--plain"], ["retry", "last", "--plain", "--yes"], ["prune", "--keep", "0"]] {
            let told = try await project.caudal(verb + ["--state", state])
            #expect(told.status == 1 && told.errors.contains(state), "\(verb): \(told)")
        }

        // Where no state is yet, what cannot be made is named as well, with the way out.
        for place in [state, disk.path + "/none"] {
            let told = try await project.caudal("run", "p.yaml", "--plain", "--state", place)
            #expect(told.status != 0 && told.errors.contains(place), "\(told)")
            #expect(told.errors.contains("cannot be written to"), "\(told)")
            #expect(told.errors.contains("use another folder with --state"), "\(told)")
        }
    }
}
