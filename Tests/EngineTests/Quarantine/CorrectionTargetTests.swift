import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Who takes corrected rows", .timeLimit(.minutes(15)))
struct CorrectionTargetTests {
    private func pipeline(in folder: ScratchFolder) throws -> Pipeline {
        try folder.write("s.json", #"{"type": "object", "properties": {"id": {"type": "integer"}}}"#)
        return try LoadedPipeline(
            yaml: """
                datasets:
                  raw: {path: "raw-*.csv", schema: s.json}
                  valid: {path: valid.csv}
                  parts: {path: "parts/${item.id}.csv"}
                stages:
                  validate: {type: validate, input: raw, output: valid}
                  each: {type: validate, input: raw, output: parts, quarantine: each.csv, foreach: {id: ["1", "2"]}}
                  other: {type: command, run: "true"}
                """, in: folder
        ).pipeline
    }

    @Test("Only a validate stage of the pipeline takes corrected rows, and no fan-out")
    func stages() throws {
        let pipeline = try pipeline(in: ScratchFolder())
        #expect(try CorrectionTarget("validate", of: pipeline).input == "raw")
        let unknown = #expect(throws: Failure.self) { try CorrectionTarget("validat", of: pipeline) }
        #expect(unknown?.message.hasPrefix("the pipeline file has no stage 'validat'") == true)
        #expect(unknown?.message.contains("did you mean 'validate'?") == true)
        let other = #expect(throws: Failure.self) { try CorrectionTarget("other", of: pipeline) }
        #expect(other?.message.contains("is of type command, and only a validate stage takes") == true)
        try CorrectionTarget("validate", of: pipeline).refuseItems()
        #expect(throws: Failure.self) { try CorrectionTarget("each", of: pipeline).refuseItems() }
    }

    @Test("A file of corrections says which rows of which file it is about")
    func columns() throws {
        let target = try CorrectionTarget("validate", of: pipeline(in: ScratchFolder()))
        try target.check("quarantine_file,quarantine_row,id\nraw.csv,1,1\n", file: "fix.csv", remedy: "none")
        for (text, name) in [("quarantine_file,id\n", "quarantine_row"), ("", "quarantine_file")] {
            let failure = #expect(throws: Failure.self) { try target.check(text, file: "fix.csv", remedy: "none") }
            #expect(failure?.message == "fix.csv has no column '\(name)'")
        }
    }

    @Test("Corrections of an input that has changed, lost a file or got one are refused")
    func changes() throws {
        let folder = try ScratchFolder()
        let target = try CorrectionTarget("validate", of: pipeline(in: folder))
        let store = try RunStore(StateFolder(path: folder.path("state")))
        let files = try ["raw-1.csv", "raw-2.csv"].map { try folder.write($0, "id\n\($0)\n") }
        let examined = files.map { file in
            InputVersion(
                dataset: "raw", path: PathText.lastComponent(of: file), sizeInBytes: 0,
                contentHash: store.fingerprint(ofFile: file))
        }
        #expect(target.canCompare(examined) && !target.canCompare([]))
        try target.refuseIfChanged(examined, files: files, since: "r1", in: store)
        let lost = #expect(throws: Failure.self) {
            try target.refuseIfChanged(examined, files: [files[0]], since: "r1", in: store)
        }
        #expect(lost?.message.hasPrefix("raw-2.csv has changed since run r1 quarantined rows of it") == true)
        let more = try folder.write("raw-3.csv", "id\n3\n")
        try folder.write("raw-1.csv", "id\n11\n")
        let changed = #expect(throws: Failure.self) {
            try target.refuseIfChanged(examined, files: files + [more], since: "r1", in: store)
        }
        #expect(changed?.message.hasPrefix("raw-1.csv (and 1 more) has changed") == true)
    }
}
