import Foundation
import TestSupport
import Testing

@Suite("Files that are gone when a run is taken up", .timeLimit(.minutes(15)))
struct PutBackTests {
    /// A run of many files whose last stage failed.
    private func failedRun(_ count: Int) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: many
            datasets: {part: {path: "out/${item.n}.csv"}}
            stages:
              part:
                type: command
                run: [cp, seed.csv, "${stage.output}"]
                output: part
                foreach: {n: [\((1...count).map { "\"p\($0)\"" }.joined(separator: ", "))]}
              last: {type: command, run: "test -e go", needs: part}
            """)
        try project.write("seed.csv", "a\n1\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1, "\(run)")
        try project.write("go", "")
        return project
    }

    @Test("Many that are put back are told in one line, with the first of them and how many there are")
    func many() async throws {
        let project = try await failedRun(40)
        try FileManager.default.removeItem(atPath: project.folder.path("out"))
        let retry = try await project.caudal("retry", "last", "--plain")
        #expect(retry.status == 0, "\(retry)")
        let told = retry.errors.split(separator: "\n").filter { $0.contains("put back") }
        #expect(told.count == 1, "\(retry.errors)")
        #expect(
            told.first?.contains(" and 37 more files were gone and are put back, from the versions that the run keeps")
                == true, "\(retry.errors)")
        #expect(project.files(in: "out").count == 40)
        let log = try await project.caudal("logs", "--level", "warn")
        #expect(log.lines.count { $0.contains("put back") } == 1, "\(log)")
    }

    @Test("Many that were changed are told in one line; one is told as one")
    func changed() async throws {
        let project = try await failedRun(5)
        for number in 1...5 { try project.write("out/p\(number).csv", "a\n2\n") }
        let retry = try await project.caudal("retry", "last", "--plain")
        #expect(
            retry.errors.contains(
                "out/p1.csv, out/p2.csv, out/p3.csv and 2 more files are not the files that this run published"),
            "\(retry)")
        let one = try await failedRun(2)
        try FileManager.default.removeItem(atPath: one.folder.path("out/p2.csv"))
        let other = try await one.caudal("retry", "last", "--plain")
        #expect(
            other.errors.contains("out/p2.csv was gone and is put back, from the version that the run keeps"),
            "\(other)")
    }
}
