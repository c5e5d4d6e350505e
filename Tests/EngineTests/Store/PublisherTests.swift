import CaudalModel
import Engine
import Foundation
import Synchronization
import Testing
import TestSupport

@Suite("Publishing", .timeLimit(.minutes(15)))
struct PublisherTests {
    private func output(_ folder: OwnFolder, _ staged: String, to target: String, isOptional: Bool = false)
        -> StagedOutput
    {
        StagedOutput(dataset: "sales", staged: folder[staged], target: folder[target], isOptional: isOptional)
    }

    private func publish(_ outputs: [StagedOutput]) throws {
        try Publisher.prepare(outputs)
        try Publisher.carryOut(try Publisher.plan(outputs))
    }

    @Test("A file appears at its place, in folders that are made for it, and its staging place is empty")
    func newFile() throws {
        let folder = try OwnFolder()
        try folder.write("new", to: "staging/a.csv")
        try publish([output(folder, "staging/a.csv", to: "out/deep/a.csv")])
        #expect(try folder.text("out/deep/a.csv") == "new")
        #expect(folder.contents == ["out", "out/deep", "out/deep/a.csv", "staging"])
    }

    @Test("A file replaces the one before it, even one that may not be written")
    func replacesFile() throws {
        let folder = try OwnFolder()
        try folder.write("old", to: "a.csv", permissions: 0o400)
        try folder.write("new", to: "staging/a.csv")
        try publish([output(folder, "staging/a.csv", to: "a.csv")])
        #expect(try folder.text("a.csv") == "new")
    }

    @Test("A partitioned folder replaces the one before it, with nothing of the old one left")
    func replacesFolder() throws {
        let folder = try OwnFolder()
        try folder.write("old", to: "sales/region=north/a.parquet")
        try folder.write("new", to: "staging/sales/region=south/a.parquet")
        try publish([output(folder, "staging/sales", to: "sales")])
        #expect(folder.contents == ["sales", "sales/region=south", "sales/region=south/a.parquet", "staging"])
    }

    @Test("A folder replaces a file of the same name")
    func folderReplacesFile() throws {
        let folder = try OwnFolder()
        try folder.write("old", to: "sales")
        try folder.write("new", to: "staging/sales/part")
        try publish([output(folder, "staging/sales", to: "sales")])
        #expect(try folder.text("sales/part") == "new")
    }

    @Test("A file never takes the place of a folder, whose content nobody asked to remove")
    func fileOverFolder() throws {
        let folder = try OwnFolder()
        try folder.write("precious", to: "outputs/report.csv")
        try folder.write("new", to: "staging/a.csv")
        #expect(throws: PublishError.targetIsFolder(folder["outputs"])) {
            try publish([output(folder, "staging/a.csv", to: "outputs")])
        }
        #expect(try folder.text("outputs/report.csv") == "precious")
    }

    @Test("A link to a file stays, and the file that it leads to is replaced; where there is none, it is made")
    func link() throws {
        let folder = try OwnFolder()
        try folder.write("old", to: "real.csv")
        let links = [("a.csv", "real.csv"), ("b.csv", "later/b.csv"), ("c.csv", "a.csv")]
        for (name, target) in links {
            try FileManager.default.createSymbolicLink(atPath: folder[name], withDestinationPath: target)
            try folder.write("new \(name)", to: "staging/\(name)")
            try publish([output(folder, "staging/\(name)", to: name)])
            #expect(try folder.text(name) == "new \(name)")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder[name]) == target)
        }
        #expect(folder.contents == ["a.csv", "b.csv", "c.csv", "later", "later/b.csv", "real.csv", "staging"])
    }

    @Test("What is no file and no folder of files is not published, nor written over")
    func noData() throws {
        let folder = try OwnFolder()
        try folder.write("new", to: "staging/a.csv")
        #expect(mkfifo(folder["staging/pipe"], 0o600) == 0 && mkfifo(folder["pipe"], 0o600) == 0)
        #expect(throws: PublishError.notData(folder["a.csv"], part: nil, kind: .pipe)) {
            try publish([output(folder, "staging/pipe", to: "a.csv")])
        }
        #expect(throws: PublishError.targetIsNoData(folder["pipe"], kind: .pipe)) {
            try publish([output(folder, "staging/a.csv", to: "pipe")])
        }
    }

    @Test("A link to a folder gives way to a folder, and the one it points to stays")
    func linkToFolder() throws {
        let folder = try OwnFolder()
        try folder.write("elsewhere", to: "real/part")
        try FileManager.default.createSymbolicLink(atPath: folder["sales"], withDestinationPath: folder["real"])
        try folder.write("new", to: "staging/sales/part")
        try publish([output(folder, "staging/sales", to: "sales")])
        #expect(try folder.text("sales/part") == "new")
        #expect(try folder.text("real/part") == "elsewhere")
    }

    @Test("An output that was not written is named; one that may be missing is left out")
    func missingOutput() throws {
        let folder = try OwnFolder()
        #expect(try Publisher.plan([output(folder, "staging/a", to: "a", isOptional: true)]).moves.isEmpty)
        let error = #expect(throws: PublishError.notWritten(folder["a.csv"], staged: folder["staging/a"])) {
            try Publisher.plan([output(folder, "staging/a", to: "a.csv")])
        }
        #expect(error?.failure.message == "the output a.csv was not written")
    }

    /// Reads a file over and over on a thread of its own, and counts how often it was right and how often it was not.
    private final class Reader: Sendable {
        private let counts = Mutex((good: 0, bad: 0, isDone: false))
        var good: Int { counts.withLock { $0.good } }
        var bad: Int { counts.withLock { $0.bad } }

        init(_ path: String, isRight: @escaping @Sendable ([UInt8]) -> Bool) {
            Thread { [self] in
                while !counts.withLock({ $0.isDone }) {
                    // A file that cannot be read is what must not happen: it counts.
                    let wasRight = (try? FileText.bytes(path)).map(isRight) ?? false
                    counts.withLock { if wasRight { $0.good += 1 } else { $0.bad += 1 } }
                }
            }.start()
        }

        func stop() { counts.withLock { $0.isDone = true } }
    }

    @Test("A reader always finds the old file or the new one, whole")
    func readerOfFile() throws {
        let folder = try OwnFolder()
        let size = 20_000
        func content(_ number: Int) -> String { String(repeating: String(number % 10), count: size) }
        try folder.write(content(0), to: "a.csv")
        let reader = Reader(folder["a.csv"]) { $0.count == size && Set($0).count == 1 }
        defer { reader.stop() }
        var number = 0
        while number < 500 || reader.good < 200 {
            number += 1
            try folder.write(content(number), to: "staging/a.csv")
            try publish([output(folder, "staging/a.csv", to: "a.csv")])
        }
        #expect(reader.bad == 0)
    }

    @Test("A reader of a folder always finds the old one or the new one")
    func readerOfFolder() throws {
        let folder = try OwnFolder()
        try folder.write("0", to: "sales/part")
        let reader = Reader(folder["sales/part"]) { $0.count == 1 }
        defer { reader.stop() }
        var number = 0
        while number < 500 || reader.good < 200 {
            number += 1
            try folder.write(String(number % 10), to: "staging/sales/part")
            try publish([output(folder, "staging/sales", to: "sales")])
        }
        #expect(reader.bad == 0)
    }

    // MARK: - Recovery

    @Test("A plan that was interrupted anywhere is finished when it is carried out again", arguments: 0...3)
    func interrupted(after done: Int) throws {
        let folder = try OwnFolder()
        let outputs = (0..<3).map { output(folder, "staging/\($0)", to: "out/\($0)") }
        for number in 0..<3 {
            try folder.write("old \(number)", to: "out/\(number)")
            try folder.write("new \(number)", to: "staging/\(number)")
        }
        let plan = try Publisher.plan(outputs)
        try Publisher.carryOut(PublishPlan(moves: Array(plan.moves.prefix(done))))
        for _ in 0..<2 {
            try Publisher.carryOut(plan)
            for number in 0..<3 { #expect(try folder.text("out/\(number)") == "new \(number)") }
        }
    }

    @Test("A kill between the exchange of two folders and the removal of the old one loses neither")
    func interruptedExchange() throws {
        let folder = try OwnFolder()
        try folder.write("old", to: "sales/part")
        try folder.write("new", to: "staging/sales/part")
        let plan = try Publisher.plan([output(folder, "staging/sales", to: "sales")])
        // The state right after the exchange: the new one in place, the old one where the new one was.
        try FileManager.default.moveItem(atPath: folder["sales"], toPath: folder["away"])
        try FileManager.default.moveItem(atPath: folder["staging/sales"], toPath: folder["sales"])
        try FileManager.default.moveItem(atPath: folder["away"], toPath: folder["staging/sales"])
        try Publisher.carryOut(plan)
        #expect(try folder.text("sales/part") == "new")
        #expect(!FileText.exists(folder["staging/sales"]))
    }

    @Test("An output that vanished before it was published is a failure, never a success")
    func vanished() throws {
        let folder = try OwnFolder()
        try folder.write("new", to: "staging/a.csv")
        let plan = try Publisher.plan([output(folder, "staging/a.csv", to: "a.csv")])
        try FileManager.default.removeItem(atPath: folder["staging"])
        #expect(throws: PublishError.lost(folder["a.csv"])) { try Publisher.carryOut(plan) }
    }

    // MARK: - What was recorded and never made

    /// A plan of one move with what a run records of it, `kept` beside the staging folder.
    private func recorded(_ folder: OwnFolder, keeps: Bool) throws -> PublishPlan {
        try folder.write("new", to: "staging/a.csv")
        var plan = try Publisher.plan([output(folder, "staging/a.csv", to: "a.csv")], owner: "run/a/1")
        plan.moves[0].contentHash = ContentHash.of(path: folder["staging/a.csv"])
        if keeps, KeptVersion.keep(folder["staging/a.csv"], as: folder["kept/a.csv"]) {
            plan.moves[0].kept = folder["kept/a.csv"]
        }
        return plan
    }

    @Test("An older output in place does not pass for one that was recorded and lost")
    func lostOutput() throws {
        let folder = try OwnFolder()
        let plan = try recorded(folder, keeps: false)
        try folder.write("old", to: "a.csv")
        try FileManager.default.removeItem(atPath: folder["staging"])
        #expect(throws: PublishError.lost(folder["a.csv"])) { try Publisher.carryOut(plan) }
        #expect(try FileText.read(folder["a.csv"]) == "old")
    }

    @Test("A lost staged file is published from the version that the run keeps")
    func publishedFromKept() throws {
        let folder = try OwnFolder()
        let plan = try recorded(folder, keeps: true)
        try folder.write("old", to: "a.csv")
        try FileManager.default.removeItem(atPath: folder["staging"])
        try Publisher.carryOut(plan)
        #expect(try FileText.read(folder["a.csv"]) == "new")
        #expect(try FileText.read(folder["kept/a.csv"]) == "new", "the kept version stays")
    }

    @Test("A move that was made is a success, also on a file system that numbers files otherwise")
    func madeMove() throws {
        let folder = try OwnFolder()
        var plan = try recorded(folder, keeps: false)
        try Publisher.carryOut(plan)
        plan.moves[0].inode = 1
        try Publisher.carryOut(plan)
        #expect(try FileText.read(folder["a.csv"]) == "new")
    }

    // MARK: - Other disks

    private static let needsDisk = "no file system can be mounted here"

    @Test("A target on another disk gets the whole output", .enabled(if: SmallDisk.isPossible, "\(needsDisk)"))
    func otherDisk() throws {
        let folder = try OwnFolder()
        let disk = try SmallDisk(sizeInKiB: 1024)
        try folder.write("new", to: "staging/a.csv")
        try folder.write("new part", to: "staging/sales/region=north/part")
        try FileManager.default.createDirectory(atPath: disk.path + "/sales", withIntermediateDirectories: true)
        try Data("old part".utf8).write(to: URL(filePath: disk.path + "/sales/part"))
        // A leftover of a kill in the middle of this plan's copy, and what another run is copying right now.
        let own = Publisher.besidePath(of: disk.path + "/a.csv", owner: "run/a/1")
        let others = Publisher.besidePath(of: disk.path + "/a.csv", owner: "other/a/1")
        for path in [own, others] { try Data("half".utf8).write(to: URL(filePath: path)) }
        let plan = try Publisher.plan(
            [
                StagedOutput(dataset: "a", staged: folder["staging/a.csv"], target: disk.path + "/a.csv"),
                StagedOutput(dataset: "s", staged: folder["staging/sales"], target: disk.path + "/sales"),
            ], owner: "run/a/1")
        try Publisher.carryOut(plan)
        #expect(try FileText.read(disk.path + "/a.csv") == "new")
        #expect(
            FileManager.default.subpaths(atPath: disk.path)?.sorted() == [
                PathText.lastComponent(of: others), "a.csv", "sales", "sales/region=north", "sales/region=north/part",
            ])
        #expect(folder.contents == ["staging"])
    }

    @Test(
        "What finds no place on another disk leaves no copy there", .enabled(if: SmallDisk.isPossible, "\(needsDisk)"))
    func noPlaceOnOtherDisk() throws {
        let folder = try OwnFolder()
        let disk = try SmallDisk(sizeInKiB: 1024)
        try folder.write("new", to: "staging/a.csv")
        try FileManager.default.createDirectory(atPath: disk.path + "/a.csv", withIntermediateDirectories: true)
        try Data("theirs".utf8).write(to: URL(filePath: disk.path + "/a.csv/x"))
        let output = StagedOutput(dataset: "a", staged: folder["staging/a.csv"], target: disk.path + "/a.csv")
        #expect(throws: PublishError.targetIsFolder(output.target)) { try publish([output]) }
        #expect(FileManager.default.subpaths(atPath: disk.path)?.sorted() == ["a.csv", "a.csv/x"])
        #expect(FileText.exists(output.staged))
    }

    @Test(
        "Two disks that number their files alike are not mixed up", .enabled(if: SmallDisk.isPossible, "\(needsDisk)"))
    func sameNumbers() throws {
        let (from, to) = (try SmallDisk(sizeInKiB: 256), try SmallDisk(sizeInKiB: 256))
        try Data("new".utf8).write(to: URL(filePath: from.path + "/a.csv"))
        try Data("old".utf8).write(to: URL(filePath: to.path + "/a.csv"))
        let output = StagedOutput(dataset: "a", staged: from.path + "/a.csv", target: to.path + "/a.csv")
        var numbers = (stat(), stat())
        stat(output.staged, &numbers.0)
        stat(output.target, &numbers.1)
        try #require(numbers.0.st_ino == numbers.1.st_ino, "the kernel numbers small disks otherwise")
        try publish([output])
        #expect(try FileText.read(output.target) == "new")
    }

    @Test(
        "A full disk leaves the old output, no half of a new one, and says what to do",
        .enabled(if: SmallDisk.isPossible, "\(needsDisk)"))
    func fullDisk() throws {
        let folder = try OwnFolder()
        let disk = try SmallDisk(sizeInKiB: 64)
        try Data("old".utf8).write(to: URL(filePath: disk.path + "/a.csv"))
        try folder.write(String(repeating: "x", count: 200_000), to: "staging/a.csv")
        let output = StagedOutput(dataset: "a", staged: folder["staging/a.csv"], target: disk.path + "/a.csv")
        let failure = #expect(throws: PublishError.self) { try publish([output]) }
        #expect(failure?.description.contains("free some space there") == true)
        #expect(try FileText.read(disk.path + "/a.csv") == "old")
        #expect(FileManager.default.subpaths(atPath: disk.path) == ["a.csv"])
        #expect(FileText.exists(folder["staging/a.csv"]))
    }

    @Test(
        "A disk that cannot be written is found out before any work is done",
        .enabled(if: SmallDisk.isPossible, "\(needsDisk)"))
    func readOnlyDisk() throws {
        let disk = try SmallDisk(sizeInKiB: 64)
        try FileManager.default.createDirectory(atPath: disk.path + "/out", withIntermediateDirectories: true)
        try disk.makeReadOnly()
        let there = StagedOutput(dataset: "sales", staged: "/tmp/x", target: disk.path + "/out/a.csv")
        let folder = PublishError.noAccess(folder: disk.path + "/out", errno: EROFS, output: "sales")
        #expect(throws: folder) { try Publisher.prepare([there]) }
        #expect(
            folder.failure.message == "the output folder \(disk.path)/out cannot be written to: Read-only file system")
        #expect(folder.failure.remedy?.contains("'sales'") == true)
        let new = StagedOutput(dataset: "sales", staged: "/tmp/x", target: disk.path + "/new/a.csv")
        let other = #expect(throws: PublishError.self) { try Publisher.prepare([new]) }
        #expect(other?.failure.message == "the folder \(disk.path)/new cannot be made: Read-only file system")
    }

    @Test("A file where a folder is needed is named")
    func fileInTheWay() throws {
        let folder = try OwnFolder()
        try folder.write("a file", to: "out")
        let error = #expect(throws: PublishError.self) { try Publisher.prepare([output(folder, "s", to: "out/a.csv")]) }
        guard case .noFolder(folder["out"], _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
