import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

/// Which files a dataset is, and where they are read.
///
/// None of it needs DuckDB: the columns are known, or it comes before.
@Suite("SourceResolver", .tags(.runs), .timeLimit(.minutes(15)))
struct SourceResolverTests {
    private let folder: ScratchFolder
    private let store: RunStore

    init() throws {
        folder = try ScratchFolder()
        store = try RunStore(StateFolder(path: folder.path(".caudal")))
    }

    private static let pipeline = """
        params: {day: {type: string, default: "1"}, note: {type: string, default: n}}
        datasets:
          raw: {path: "in/${params.day}.csv"}
          several: {path: "in/*.csv"}
          mid: {path: "mid/${params.day}.csv"}
          parts: {path: "parts/${item.k}.csv"}
          pieces: {path: "parts/*.csv"}
          tree: {path: tree.parquet}
          out: {path: out.csv}
        stages:
          make: {type: process, input: raw, output: mid}
          split: {type: process, input: mid, output: parts, foreach: {k: [a, b]}}
          grow: {type: command, output: tree, run: "grow"}
          use: {type: process, input: mid, output: out, needs: split}
        """

    private static let columns = [Column("id", .integer), Column("name", .text)]

    private func loaded(_ yaml: String = pipeline) throws -> LoadedPipeline {
        try LoadedPipeline(yaml: yaml, in: folder)
    }

    /// A resolver that fails where DuckDB would be asked.
    private func resolver(_ loaded: LoadedPipeline) -> SourceResolver {
        let tools = DataTools(
            reactor: ProcessReactor(), masker: SecretMasker(secrets: [String]()), folder: folder.path("questions"),
            defaultMemory: 1_000_000_000, seen: SourceCache(),
            engine: DuckDBEngine(
                EngineSurroundings(
                    root: folder.path, variables: [:], reactor: ProcessReactor(),
                    masker: SecretMasker(secrets: [String]())
                ) { () throws(Failure) in throw Failure("DuckDB is asked") }))
        return SourceResolver(
            pipeline: loaded.pipeline, tools: tools,
            tables: TableReader(pipeline: loaded.pipeline, facts: facts(), tools: tools))
    }

    private func facts(_ day: String = "1", note: String = "n") -> RunFacts {
        RunFacts(
            runID: "r9", started: Moment(wall: 0, steady: 0), parameters: ["day": day, "note": note], environment: [:])
    }

    private func source(
        _ name: DatasetName, _ origins: DataOrigins = DataOrigins(), day: String = "1"
    ) async throws -> DataSource {
        let found = try await resolver(try loaded()).sources(of: [name], from: origins) { template in
            template.filled { self.facts(day).value(of: $0) ?? "" }
        }
        return try #require(found[name])
    }

    /// Why a dataset cannot be read.
    private func fault(_ name: DatasetName, _ origins: DataOrigins = DataOrigins(), day: String = "1") async -> String {
        do {
            let source = try await source(name, origins, day: day)
            return "found \(source.files)"
        } catch {
            return (error as? Failure)?.message ?? "\(error)"
        }
    }

    // MARK: - Files of others

    /// What lies at the place of a file, and what is said of it; the last two go as far as DuckDB.
    static let faults: [(what: String, lay: @Sendable (ScratchFolder) throws -> Void, message: String)] = [
        ("nothing", { _ in }, "the input in/1.csv is not there"),
        ("a folder", { try $0.write("in/1.csv/x", "") }, "the input in/1.csv is a folder"),
        ("an empty file", { try $0.write("in/1.csv", "") }, "the input in/1.csv is empty: it has not even a header"),
        (
            "a device",
            {
                try FileManager.default.createSymbolicLink(
                    atPath: $0.path("in/1.csv"), withDestinationPath: "/dev/null")
            }, "the input in/1.csv is no file"
        ),
        (
            "a broken link",
            { try FileManager.default.createSymbolicLink(atPath: $0.path("in/1.csv"), withDestinationPath: "nowhere") },
            "the input in/1.csv is not there"
        ),
        ("a file", { try $0.write("in/1.csv", "id\n1\n") }, "DuckDB is asked"),
        (
            "a link to a file",
            {
                try $0.write("elsewhere.csv", "id\n1\n")
                try FileManager.default.createSymbolicLink(
                    atPath: $0.path("in/1.csv"), withDestinationPath: $0.path("elsewhere.csv"))
            }, "DuckDB is asked"
        ),
    ]

    @Test("What is no file with something in it is told before anything else is asked", arguments: faults.indices)
    func external(index: Int) async throws {
        try FileManager.default.createDirectory(atPath: folder.path("in"), withIntermediateDirectories: true)
        try Self.faults[index].lay(folder)
        #expect(await fault("raw") == Self.faults[index].message, "\(Self.faults[index].what)")
    }

    @Test("A pattern that matches nothing is told, and an empty file among many by its name")
    func pattern() async throws {
        #expect(await fault("several") == "no file matches in/*.csv")
        try folder.write("in/a.csv", "id\n1\n")
        try folder.write("in/b.csv", "")
        #expect(await fault("several") == "the input in/b.csv is empty: it has not even a header")
    }

    @Test("The place of a fault is where the dataset is written in the file")
    func location() async throws {
        let error = await #expect(throws: Failure.self) { try await source("raw") }
        #expect(error?.location?.line == 5)
    }

    // MARK: - What this run made

    private func made(_ writer: StageID, _ artifacts: [Artifact], marked: [Item] = []) -> ProducedData {
        var data = ProducedData(writer: writer, artifacts: artifacts)
        data.markedItems = marked
        return data
    }

    private func artifact(_ dataset: DatasetName, _ path: String, _ columns: [Column] = columns) -> Artifact {
        Artifact(dataset: dataset, path: path, sizeInBytes: 1, columns: columns)
    }

    @Test("What a stage of the run wrote is read where its version lies, with the columns that it wrote")
    func written() async throws {
        let origins = DataOrigins(
            made: ["mid": made("make", [artifact("mid", "mid/1.csv")])],
            place: { artifact, writer in "/kept/\(writer)/\(artifact.path)" })
        let source = try await source("mid", origins)
        #expect(source.files == ["/kept/make/mid/1.csv"])
        #expect(source.columns == Self.columns && source.isOwn)
    }

    @Test("A version that is nowhere any more is a fault at the dataset's place")
    func lost() async throws {
        let origins = DataOrigins(
            made: ["mid": made("make", [artifact("mid", "mid/1.csv")])], place: { _, _ in throw Failure("it is gone") })
        let error = await #expect(throws: Failure.self) { try await source("mid", origins) }
        #expect(error?.message == "it is gone" && error?.location?.line == 7)
    }

    @Test("Items are read in their order; with different columns they are looked at as files of anybody")
    func items() async throws {
        func origins(_ second: [Column]) -> DataOrigins {
            DataOrigins(
                made: [
                    "parts": made(
                        "split", [artifact("parts", "parts/b.csv"), artifact("parts", "parts/a.csv", second)])
                ], place: { artifact, _ in self.folder.path(artifact.path) })
        }
        let source = try await source("parts", origins(Self.columns))
        #expect(source.files == ["parts/b.csv", "parts/a.csv"].map(folder.path))
        #expect(source.columns == Self.columns)
        for name in ["a", "b"] { try folder.write("parts/\(name).csv", "id\n1\n") }
        #expect(await fault("parts", origins([Column("id", .text)])) == "DuckDB is asked")
    }

    @Test("A fan-out without items gives no files, with the columns that are known")
    func noItems() async throws {
        let source = try await source("parts", DataOrigins(made: ["parts": made("split", [])]))
        #expect(source.files.isEmpty && source.isOwn)
    }

    @Test("An item that was marked stands for what lies at its path, which must be there")
    func marked() async throws {
        let item = Item(key: "b", values: ["k": "b"])
        let origins = DataOrigins(
            made: ["parts": made("split", [artifact("parts", "parts/a.csv")], marked: [item])],
            place: { artifact, _ in self.folder.path(artifact.path) })
        #expect(
            await fault("parts", origins)
                == "parts/b.csv is not there, and the item that writes it was marked as succeeded")
        try folder.write("parts/b.csv", "id,name\n1,x\n")
        // Whether somebody put the columns there that the stage writes has to be looked at.
        #expect(await fault("parts", origins) == "DuckDB is asked")
    }

    // MARK: - Stages that take no part

    /// Records a run in which a stage wrote a file, with what it wrote.
    private func ran(
        _ run: RunID, _ stage: StageID = "make", _ dataset: DatasetName = "mid", day: String = "1", note: String = "n",
        path: String = "mid/1.csv", text: String, _ yaml: String = pipeline
    ) throws {
        // Replaced as a publication does it: the kept version is a second name of the file that lay there.
        if FileText.exists(folder.path(path)) { try FileManager.default.removeItem(atPath: folder.path(path)) }
        try folder.write(path, text)
        let loaded = try loaded(yaml)
        let plan = try Planner(
            loaded, request: RunRequest(parameters: ["day": day, "note": note]), now: Moment(wall: 0, steady: 0),
            machine: Resources()
        ).plan()
        var file = artifact(dataset, path)
        file.sizeInBytes = Int64(text.utf8.count)
        file.contentHash = ContentHash.of(path: folder.path(path))
        file.mark = FileMark(folder.path(path))
        let kept = store.folder.run(run).versions(UnitID(stage), 1) + "/" + PathText.lastComponent(of: path)
        try #require(KeptVersion.keep(folder.path(path), as: kept))
        file.kept = "runs/\(run)/versions/\(stage)/1/" + PathText.lastComponent(of: path)
        try store.record(
            run, plan,
            [.runStarted(.ofTest)] + .attempt(UnitID(stage), AttemptResult(ending: .succeeded, artifacts: [file]))
                + [.runEnded(.succeeded)])
    }

    private func origins(day: String = "1", note: String = "n", absent: [DatasetName: String] = [:]) throws
        -> DataOrigins
    {
        DataOrigins(
            reader: "use", absent: absent,
            earlier: EarlierOutputs(try loaded(), facts: facts(day, note: note), store: store))
    }

    @Test("A file that a run with the same values wrote is taken, with its columns")
    func sameValues() async throws {
        try ran("r1", text: "id,name\n1,x\n")
        let source = try await source("mid", origins())
        #expect(source.files == [folder.path("mid/1.csv")])
        #expect(source.columns == Self.columns && source.isOwn)
        // A parameter that nothing of what makes the file names makes no difference.
        #expect(try await self.source("mid", origins(note: "other")).files == source.files)
    }

    @Test("A file that another run wrote for other values is not taken; this run's own version is, or nothing")
    func otherValues() async throws {
        try ran("r1", text: "id,name\n1,x\n")
        try ran("r2", day: "2", path: "mid/1.csv", text: "id,name\n2,y\n")
        let source = try await source("mid", origins())
        #expect(source.files == [folder.path(".caudal/runs/r1/versions/make/1/1.csv")])
        try FileManager.default.removeItem(atPath: folder.path(".caudal/runs/r1/versions"))
        #expect(
            await fault("mid", try origins())
                == "mid/1.csv was written by run r2 for day=2, and this run has day=1")
    }

    @Test("Without a file the stage must take part, or what became of it is told")
    func nothingThere() async throws {
        #expect(
            await fault("mid", try origins())
                == "there is no mid/1.csv, and 'make', which writes it, does not run in this run")
        #expect(
            await fault("mid", try origins(absent: ["mid": "make was skipped"]))
                == "there is no mid/1.csv, and make was skipped")
    }

    @Test("A file that no run made is looked at, and may have other columns than its stage gives")
    func handMade() async throws {
        try folder.write("mid/1.csv", "id\n1\n")
        #expect(await fault("mid", try origins()) == "DuckDB is asked")
    }

    @Test("What was taken of stages that take no part is told")
    func told() async throws {
        try ran("r1", text: "id,name\n1,x\n")
        let files = EarlierFiles()
        var origins = try origins()
        origins.tell = files.add
        _ = try await source("mid", origins)
        #expect(files.all.map(\.publication?.run) == ["r1"])
    }

    // MARK: - Patterns over what stages write

    private func found(
        _ pattern: String, _ origins: DataOrigins
    ) throws -> (files: [String], places: [String], passedOver: [String]) {
        let found = try resolver(try loaded()).foundFiles(matching: folder.path(pattern), at: nil, origins) {
            template in
            template.filled { self.facts().value(of: $0) ?? "" }
        }
        func short(_ path: String) -> String { PathText.relative(path, to: folder.path) }
        return (found.files.map { short($0.path) }, found.files.map { short($0.place) }, found.passedOver)
    }

    @Test("A pattern means what this run made, in its versions, and nothing else that is called so")
    func patternOverItems() throws {
        for name in ["a", "b", "old", "x.y"] { try folder.write("parts/\(name).csv", "id\n1\n") }
        try ran("r1", "split", "parts", path: "parts/old.csv", text: "id\n0\n")
        var origins = try origins()
        origins.made = ["parts": made("split", [artifact("parts", "parts/b.csv"), artifact("parts", "parts/a.csv")])]
        origins.place = { artifact, _ in self.folder.path("kept/" + artifact.path) }
        let found = try found("parts/*.csv", origins)
        #expect(found.files == ["parts/a.csv", "parts/b.csv"])
        #expect(found.places == ["kept/parts/a.csv", "kept/parts/b.csv"])
        // What an earlier run left is no news; what nobody made is.
        #expect(
            found.passedOver == [
                "parts/x.y.csv is not read: it is called as the files of 'parts' are, and 'split' did not write it in "
                    + "this run"
            ])
    }

    @Test("Where the stage takes no part, a pattern over files that runs made is refused")
    func patternOverAbsent() throws {
        try ran("r1", "split", "parts", path: "parts/a.csv", text: "id\n0\n")
        let error = #expect(throws: Failure.self) { try found("parts/*.csv", try origins()) }
        #expect(error?.message == "parts/a.csv is a file of 'parts', which 'split' did not write in this run")
        #expect(error?.remedy == "read 'parts' by its name, or run 'split' too")
    }

    @Test("Files that no stage writes are read as they lie there, in order")
    func patternOverOthers() throws {
        for name in ["b", "a"] { try folder.write("in/\(name).csv", "id\n1\n") }
        let found = try found("in/*.csv", try origins())
        #expect(found.files == ["in/a.csv", "in/b.csv"] && found.places == found.files)
        #expect(found.passedOver.isEmpty)
    }

    @Test("A path of one file that an item may write is read as it lies there when no run made it")
    func fileOfItem() throws {
        try folder.write("parts/q.csv", "id\n1\n")
        var origins = try origins()
        origins.made = ["parts": made("split", [artifact("parts", "parts/a.csv")])]
        #expect(try found("parts/q.csv", origins).files == ["parts/q.csv"])
    }

    @Test("A pattern into a folder that a stage made is read in that folder's version")
    func folderOfStage() throws {
        try folder.write("kept/tree.parquet/leaf.parquet", "x")
        try folder.write("tree.parquet/other.parquet", "x")
        var origins = try origins()
        origins.made = ["tree": made("grow", [artifact("tree", "tree.parquet")])]
        origins.place = { _, _ in self.folder.path("kept/tree.parquet") }
        let found = try found("tree.parquet/*.parquet", origins)
        #expect(found.files == ["tree.parquet/leaf.parquet"])
        #expect(found.places == ["kept/tree.parquet/leaf.parquet"])
        #expect(found.passedOver.count == 1)
    }

    @Test("What is worth telling of files that are passed over is said in few lines")
    func notes() {
        var found = SourceResolver.FoundFiles(files: [])
        #expect(found.notes.isEmpty)
        found.passedOver = ["a", "b", "c"]
        #expect(found.notes == ["a", "b", "c"])
        found.passedOver += ["d", "e"]
        #expect(found.notes == ["a", "b", "c", "2 more files like that"])
    }
}
