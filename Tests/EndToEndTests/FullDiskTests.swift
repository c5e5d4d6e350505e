import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Disks that fill up under a run: where the journal is, where stages write, and where outputs belong.
@Suite(
    "Full disks", .enabled(if: SmallDisk.isPossible, "mounting a small file system needs the administrator's rights"),
    .timeLimit(.minutes(15)))
struct FullDiskTests {
    /// `keep` publishes; `wait` fills the state's disk where a test asks for it; `after` needs both.
    private static func pipeline(outputs: String) -> String {
        """
        version: 1
        name: full
        env: {STATE: "${env.STATE}"}
        datasets:
          kept: {path: "\(outputs)/kept.csv"}
          big: {path: "\(outputs)/big.csv"}
        stages:
          keep: {type: sql, output: kept, query: select range as n from range(1000)}
          wait: {type: command, needs: keep, run: "if [ -n \\"$STATE\\" ]; then dd if=/dev/zero of=$STATE/filler bs=4k 2>/dev/null; fi; true"}
          after: {type: sql, needs: wait, inputs: kept, output: big, query: select a.n from kept a cross join range(200)}
        """
    }

    @Test("Where the journal is: the run stops and says so, what was published stays, and resume finishes")
    func journal() async throws {
        let disk = try SmallDisk(sizeInKiB: 6_000)
        let project = try CaudalProject(copying: [], variables: ["STATE": disk.path])
        try project.write("full.yaml", Self.pipeline(outputs: "out"))
        let stopped = try await project.caudal("run", "full.yaml", "--plain", "--state", disk.path)
        #expect(stopped.exit == .exited(1), "\(stopped)")
        #expect(stopped.errors.contains("no space left") && stopped.errors.contains("caudal resume"), "\(stopped)")
        #expect(try project.read("out/kept.csv").split(separator: "\n").count == 1001)
        #expect(!project.files(in: "out").contains("big.csv"))

        try FileManager.default.removeItem(atPath: disk.path + "/filler")
        let runs = try await project.caudal("runs", "--state", disk.path)
        #expect(runs.output.contains("interrupted"), "\(runs)")
        let resumed = try await project.caudal(
            "resume", "last", "--plain", "--yes", "--state", disk.path, variables: ["STATE": ""])
        #expect(resumed.exit == .exited(0), "\(resumed)")
        #expect(try project.read("out/big.csv").split(separator: "\n").count == 200_001)
    }

    @Test("What was recorded is read all the same, a new run says what to do, and prune makes room")
    func reading() async throws {
        let disk = try SmallDisk(sizeInKiB: 20_000)
        let project = try CaudalProject(copying: [], variables: ["STATE": ""])
        let talkative = Self.pipeline(outputs: "out").replacing("; true\"", with: "; seq 5000\"")
        try project.write("full.yaml", talkative)
        for _ in 0..<3 {
            let run = try await project.caudal("run", "full.yaml", "--plain", "--state", disk.path)
            #expect(run.exit == .exited(0), "\(run)")
        }
        try await fill(disk, project, "filler")
        let runs = try await project.caudal("runs", "--state", disk.path)
        #expect(runs.exit == .exited(0) && runs.output.ranges(of: "succeeded").count == 3, "\(runs)")
        for words in [["show", "last"], ["logs", "--run", "last"], ["sql", "select count(*) from runs"], ["stats"]] {
            let answer = try await project.caudal(words + ["--state", disk.path])
            #expect(answer.exit == .exited(0), "\(words) \(answer)")
        }
        // Whoever was the last to look at the state has put its journal away, which makes room.
        try await fill(disk, project, "more")
        let refused = try await project.caudal("run", "full.yaml", "--plain", "--state", disk.path)
        #expect(refused.exit == .exited(1) && refused.errors.contains("caudal prune"), "\(refused)")

        let preview = try await project.caudal("prune", "--keep", "1", "--dry-run", "--state", disk.path)
        #expect(preview.output.contains("2 runs would be removed"), "\(preview)")
        let pruned = try await project.caudal("prune", "--keep", "1", "--state", disk.path)
        #expect(pruned.exit == .exited(0) && pruned.output.contains("2 runs removed"), "\(pruned)")
        let left = try await project.caudal("runs", "--state", disk.path)
        #expect(left.output.ranges(of: "succeeded").count == 1, "\(left)")
    }

    private func fill(_ disk: SmallDisk, _ project: CaudalProject, _ name: String) async throws {
        _ = try await project.run("/bin/sh", ["-c", "dd if=/dev/zero of=\(disk.path)/\(name) bs=4k 2>/dev/null"])
    }

    @Test("Where stages write: the stage fails and says so, and a retry finishes")
    func staging() async throws {
        let disk = try SmallDisk(sizeInKiB: 900)
        let project = try CaudalProject(copying: [], variables: ["STATE": ""])
        try project.write("full.yaml", Self.pipeline(outputs: "out"))
        let failed = try await project.caudal("run", "full.yaml", "--plain", "--state", disk.path)
        #expect(failed.exit == .exited(1), "\(failed)")
        #expect(failed.description.lowercased().contains("space"), "\(failed)")
        #expect(project.files(in: "out") == ["kept.csv"])

        try disk.grow(toKiB: 20_000)
        let resumed = try await project.caudal("resume", "last", "--plain", "--state", disk.path)
        #expect(resumed.exit == .exited(0), "\(resumed)")
        #expect(try project.read("out/big.csv").split(separator: "\n").count == 200_001)
    }

    @Test("Where outputs belong: the old output stays whole, nothing half is beside it, and a retry finishes")
    func outputs() async throws {
        let disk = try SmallDisk(sizeInKiB: 600)
        let project = try CaudalProject(copying: [], variables: ["STATE": ""])
        try "n\nold\n".write(toFile: disk.path + "/big.csv", atomically: true, encoding: .utf8)
        try project.write("full.yaml", Self.pipeline(outputs: disk.path))
        let failed = try await project.caudal("run", "full.yaml", "--plain")
        #expect(failed.exit == .exited(1), "\(failed)")
        #expect(failed.output.contains("big.csv") && failed.output.contains("space"), "\(failed)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).sorted() == ["big.csv", "kept.csv"])
        #expect(try String(contentsOfFile: disk.path + "/big.csv", encoding: .utf8) == "n\nold\n")

        try disk.grow(toKiB: 20_000)
        let resumed = try await project.caudal("resume", "last", "--plain")
        #expect(resumed.exit == .exited(0), "\(resumed)")
        let rows = try String(contentsOfFile: disk.path + "/big.csv", encoding: .utf8).split(separator: "\n").count
        #expect(rows == 200_001)
    }
}
