import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A file is the same file however it is named.
@Suite("Identity of files")
struct FileIdentityTests {
    @Test(
        "Dots and doubled slashes change nothing",
        arguments: ["out/a.csv", "./out/a.csv", "out//a.csv", "out/sub/../a.csv", "out/./a.csv", "/project/out/a.csv"])
    func spellings(path: String) {
        #expect(FileIdentity(path, in: "/project").path == "/project/out/a.csv")
    }

    @Test("Names that differ in case only are two files")
    func cases() {
        #expect(FileIdentity("a.csv", in: "/project") != FileIdentity("A.csv", in: "/project"))
    }

    @Test("A link to a folder, a link to a link and a link whose file is not there yet lead to one place")
    func links() throws {
        let folder = try ScratchFolder()
        let files = FileManager.default
        try files.createDirectory(atPath: folder.path("data"), withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: folder.path("absolute"), withDestinationPath: folder.path("data"))
        try files.createSymbolicLink(atPath: folder.path("relative"), withDestinationPath: "./absolute")
        try files.createSymbolicLink(atPath: folder.path("data/later.csv"), withDestinationPath: "../data/new.csv")
        let place = FileIdentity("data/new.csv", in: folder.path(""))
        for path in ["absolute/new.csv", "relative/new.csv", "data/later.csv", "relative/later.csv"] {
            #expect(FileIdentity(path, in: folder.path("")) == place)
        }
    }

    @Test("Above a link to a folder is the folder above the one that it leads to")
    func aboveLinks() throws {
        let folder = try ScratchFolder()
        let files = FileManager.default
        try files.createDirectory(atPath: folder.path("share/data/deep"), withIntermediateDirectories: true)
        try files.createDirectory(atPath: folder.path("work"), withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: folder.path("work/in"), withDestinationPath: "../share/data")
        let root = folder.path("work")
        let expected = [
            "in/../a.csv": "share/a.csv", "in/deep/../../a.csv": "share/a.csv", "in/deep/../a.csv": "share/data/a.csv",
            "in/../../a.csv": "a.csv", "later/../a.csv": "work/a.csv", "in/./../data/a.csv": "share/data/a.csv",
        ]
        for (path, place) in expected {
            #expect(FileIdentity(path, in: root) == FileIdentity(folder.path(place)), "\(path)")
            // What is opened is the place that was compared.
            #expect(FileIdentity(PathText.absolute(path, in: root)) == FileIdentity(folder.path(place)), "\(path)")
        }
    }

    @Test("Links in a ring end somewhere")
    func ring() throws {
        let folder = try ScratchFolder()
        try FileManager.default.createSymbolicLink(atPath: folder.path("a"), withDestinationPath: "b")
        try FileManager.default.createSymbolicLink(atPath: folder.path("b"), withDestinationPath: "a")
        #expect(FileIdentity("a/x.csv", in: folder.path("")).path.hasSuffix("/x.csv"))
    }

    @Test("A folder holds what lies below it, and neither itself nor a neighbour whose name begins alike")
    func folders() {
        let data = FileIdentity("/project/data")
        #expect(data.holds(FileIdentity("/project/data/a/b.csv")))
        #expect(!data.holds(data))
        #expect(!data.holds(FileIdentity("/project/data2/a.csv")))
        #expect(FileIdentity("/").holds(data))
    }
}
