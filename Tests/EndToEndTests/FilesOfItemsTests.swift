import Foundation
import TestSupport
import Testing

/// Paths over the files that items write.
@Suite("Files of items", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct FilesOfItemsTests {
    private func project(_ datasets: String, _ stages: String) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: parts
            datasets:
              given: {path: given.csv}
              part: {path: "out/part-${item.k}.csv"}
              sum: {path: sum.csv}
            \(datasets)
            stages:
              part:
                {type: process, input: given, output: part, foreach: {k: {sql: select distinct k from given order by 1}}}
            \(stages)

            """)
        try project.write("given.csv", "k,v\na,1\nb,2\n")
        return project
    }

    private static let all = "  all: {path: \"out/part-*.csv\"}"
    private static let sum = "  sum: {type: sql, output: sum, query: 'select count(*) as n, max(v) as v from \"all\"'}"

    @Test("A file that nobody's run made is not read beside them, which is told; one under another name is")
    func strangers() async throws {
        let project = try project("  all: {path: \"out/*.csv\"}", Self.sum)
        try project.write("out/part-zz.csv", "k,v\nzz,9\n")
        try project.write("out/more.csv", "k,v\nm,7\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(project.text("sum.csv") == "n,v\n3,7\n")
        let log = try await project.caudal("logs", "--level", "warn")
        #expect(log.output.contains("out/part-zz.csv is not read: it is called as the files of 'part' are"), "\(log)")
    }

    @Test("Items of an earlier run, and of a run that nobody knows any more, are not read")
    func earlierItems() async throws {
        let project = try project(Self.all, Self.sum)
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        try project.write("given.csv", "k,v\na,1\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        #expect(project.text("sum.csv") == "n,v\n1,1\n")
        try FileManager.default.removeItem(atPath: project.folder.path(".caudal"))
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        #expect(project.text("sum.csv") == "n,v\n1,1\n")
    }

    /// Two items, of which `y` fails; what reads their files, and does not run.
    private func halfDone(_ items: String) async throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: half
            datasets: {keys: {path: keys.csv}, b: {path: "out/b_${item.k}.csv"}, c: {path: out/c.csv}}
            stages:
              b:
                type: command
                foreach: {k: \(items)}
                run: "test ! -e broken.${item.k} || exit 3; echo v > $CAUDAL_OUTPUT; echo ${item.k} >> $CAUDAL_OUTPUT"
                output: b
              c: {type: sql, query: "select v from b order by v", output: c}
            """)
        try project.write("keys.csv", "k\nx\ny\n")
        try project.write("broken.y", "")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 1 && project.exists("out/b_x.csv") && !project.exists("out/b_y.csv"), "\(run)")
        return project
    }

    @Test(
        "Files of some items do not pass for all of them where the stage takes no part",
        arguments: ["[x, y]", "{sql: select k from keys}"])
    func partOfItems(items: String) async throws {
        let project = try await halfDone(items)
        let words = "there is no out/b_y.csv, which the item y of 'b' writes, and has none since run"
        let selected = try await project.caudal("run", "p.yaml", "--select", "c", "--plain")
        #expect(selected.status == 2 && selected.errors.contains(words), "\(selected)")
        let marked = try await project.caudal("mark", "last", "b", "succeeded", "--reason", "x", "--plain", "--yes")
        #expect(marked.status == 1 && (marked.output + marked.errors).contains(words), "\(marked)")
        #expect(!project.exists("out/c.csv"))
        // What is put there by hand, or skipped by an operator, is what they want.
        try project.write("out/b_y.csv", "v\nz\n")
        #expect(try await project.caudal("run", "p.yaml", "--select", "c", "--plain").status == 0)
        #expect(project.text("out/c.csv") == "v\nx\nz\n")
    }

    @Test("An item that an operator skipped has no file, and the others are read without it")
    func skippedItem() async throws {
        let project = try await halfDone("[x, y]")
        let skipped = try await project.caudal("mark", "last", "b/y", "skipped", "--reason", "x", "--plain", "--yes")
        #expect(skipped.status == 0 && project.text("out/c.csv") == "v\nx\n", "\(skipped)")
        #expect(try await project.caudal("run", "p.yaml", "--select", "c", "--plain").status == 0)
    }

    @Test("A listed item without a file is missed where no run knows of it")
    func neverRun() async throws {
        let project = try await halfDone("[x, y]")
        try FileManager.default.removeItem(atPath: project.folder.path(".caudal"))
        let selected = try await project.caudal("run", "p.yaml", "--select", "c", "--plain")
        #expect(selected.status == 2 && selected.errors.contains("there is no out/b_y.csv"), "\(selected)")
    }

    @Test("An item is retried with what is downstream of it")
    func itemWithDownstream() async throws {
        let project = try await halfDone("[x, y]")
        try FileManager.default.removeItem(atPath: project.folder.path("broken.y"))
        #expect(try await project.caudal("retry", "last", "--plain").status == 0)
        let text = try project.read("p.yaml")
        try project.write("p.yaml", text.replacing("echo ${item.k} >>", with: "echo new-${item.k} >>"))
        let again = try await project.caudal("retry", "last", "b/x", "--downstream", "--plain", "--yes")
        #expect(again.status == 0 && project.text("out/c.csv") == "v\nnew-x\ny\n", "\(again)")
    }

    @Test("A file of an item that is gone is read in the run's version, and not left out")
    func goneItem() async throws {
        let project = try project(
            Self.all,
            "  gone: {type: command, run: \"rm out/part-b.csv\", needs: part}\n"
                + Self.sum.replacing("{type", with: "{needs: gone, type"))
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(project.text("sum.csv") == "n,v\n2,2\n")
    }

    @Test("A named file that items may write and none does is read, whether its reader comes before them or behind")
    func namedFile() async throws {
        for needs in ["needs: sum, ", ""] {
            let project = try project(
                "  all: {path: \"out/part-x.csv\"}", "  sum: {type: process, input: all, output: sum}")
            try project.write(
                "p.yaml",
                try project.read("p.yaml").replacing(
                    "{type: process, input: given", with: "{\(needs)type: process, input: given"))
            try project.write("out/part-x.csv", "k,v\nx,9\n")
            let run = try await project.caudal("run", "p.yaml", "--plain")
            #expect(run.status == 0, "\(run)")
            #expect(project.text("sum.csv") == "k,v\nx,9\n")
            // Once an item is called so, it would write over what is read.
            try project.write("given.csv", "k,v\na,1\nx,2\n")
            let other = try await project.caudal("run", "p.yaml", "--plain")
            #expect(other.status == 1, "\(other)")
            #expect(other.output.contains("out/part-x.csv is 'all', which is read"), "\(other)")
            #expect(project.text("out/part-x.csv") == "k,v\nx,9\n")
        }
    }

    @Test("A pattern that items may match is read before they are known, and an item that would match is refused")
    func patternBeforeItems() async throws {
        let project = try project(
            "  all: {path: \"out/*-x.csv\"}", "  sum: {type: process, input: all, output: sum}")
        try project.write(
            "p.yaml",
            try project.read("p.yaml").replacing(
                "{type: process, input: given", with: "{needs: sum, type: process, input: given"))
        try project.write("out/part-x.csv", "k,v\nx,9\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(project.text("sum.csv") == "k,v\nx,9\n")
        try project.write("given.csv", "k,v\na,1\nx,2\n")
        let other = try await project.caudal("run", "p.yaml", "--plain")
        #expect(other.status == 1 && project.text("out/part-x.csv") == "k,v\nx,9\n", "\(other)")
    }

    @Test("A named file that an item of an earlier run wrote is refused")
    func namedFileOfEarlierItem() async throws {
        let project = try project("", "")
        try project.write("p.yaml", try project.read("p.yaml").replacing("  sum: {path: sum.csv}\n", with: ""))
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 0)
        let reading = try self.project(
            "  all: {path: \"out/part-b.csv\"}", "  sum: {type: process, input: all, output: sum}")
        try project.write("p.yaml", try reading.read("p.yaml"))
        try project.write("given.csv", "k,v\na,1\n")
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 2, "\(run)")
        #expect(run.errors.contains("out/part-b.csv is a file of 'part', which 'part' did not write in this run"))
    }

    @Test("Items that are files are those that this run's stages made, and files that no stage writes")
    func listedFiles() async throws {
        let project = try project(
            "  one: {path: out/one.csv}",
            """
              one: {type: process, input: given, output: one}
              each: {type: command, run: "echo got ${item.f}", foreach: {f: {files: "out/*.csv"}}}
            """)
        try project.write("out/part-zz.csv", "k,v\nzz,9\n")
        try project.write("out/more.csv", "k,v\nm,7\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let shown = try await project.caudal("show", "last")
        for item in ["out/one.csv", "out/part-a.csv", "out/part-b.csv", "out/more.csv"] {
            #expect(shown.output.contains(item), "\(shown)")
        }
        #expect(!shown.output.contains("✓    out/part-zz.csv"), "\(shown)")
        // Without items of the fan-out nothing of it is listed.
        try project.write("given.csv", "k,v\n")
        #expect(try await project.caudal("run", "p.yaml").status == 0)
        let empty = try await project.caudal("show", "last")
        #expect(empty.output.contains("✓    out/more.csv") && !empty.output.contains("✓    out/part-"), "\(empty)")
        // And what others wrote is not taken for it.
        let alone = try await project.caudal("run", "p.yaml", "--select", "each")
        #expect(alone.status == 2, "\(alone)")
        #expect(alone.errors.contains("did not write in this run"), "\(alone)")
    }

    @Test("Later runs read the items that a stage had when it succeeded last, in a retry of an older run too")
    func itemsOfRetries() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: p
            keep_versions: 9
            datasets: {src: {path: src.csv}, out: {path: "out/${item.g}.csv"}, all: {path: all.csv}}
            stages:
              a: {type: process, input: src, output: out, foreach: {g: {sql: "select distinct g from src order by 1"}}}
              b: {type: process, input: out, output: all}
            """)
        func succeeds(_ words: String..., then rows: String, _ what: Comment) async throws {
            let ran = try await project.caudal(words + ["--plain"])
            #expect(ran.status == 0, "\(ran)")
            #expect(try project.read("all.csv") == "g,v\n" + rows, what)
        }
        try project.write("src.csv", "g,v\nx,1\ny,1\n")
        try await succeeds("run", "p.yaml", then: "x,1\ny,1\n", "the first run")
        let first = try await project.lastRun()
        try project.write("src.csv", "g,v\nx,2\n")
        try await succeeds("run", "p.yaml", then: "x,2\n", "the second run")
        try project.write("src.csv", "g,v\nx,3\ny,3\n")
        try await succeeds("retry", first, "a", "--downstream", then: "x,3\ny,3\n", "a retry of the first")
        try await succeeds("run", "p.yaml", "--select", "b", then: "x,3\ny,3\n", "what it published last")
        try project.write("src.csv", "g,v\nx,4\n")
        try await succeeds("retry", first, "a", "--downstream", then: "x,4\n", "a retry with fewer items")
        try await succeeds("run", "p.yaml", "--select", "b", then: "x,4\n", "without the item that is no more")
    }
}
