import Engine
import Foundation
import TestSupport
import Testing

/// Every kind of mistake in a pipeline file, with what a user reads about it.
///
/// Each `Golden/x.yaml` stands beside `Golden/x.txt` with the whole message. Comments of the form `# file: NAME` up to
/// the next such comment or the end of the file are further files, written beside the pipeline; `# env: NAME` chooses an
/// environment. `CAUDAL_RECORD_GOLDEN=1` records the messages anew and fails the test, so that they are read.
@Suite(.tags(.duckDB), .timeLimit(.minutes(15))) struct GoldenErrorTests {
    private static let folder = Repository.path("Tests/EngineTests/Config/Golden")

    @Test("Each mistake is reported with its place and its remedy, as its golden file says")
    func goldenFiles() throws {
        let isRecording = ProcessInfo.processInfo.environment["CAUDAL_RECORD_GOLDEN"] == "1"
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
            .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
        #expect(names.count >= 35)
        for name in names {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/\(name).yaml"))
            let message = try Self.message(for: bytes)
            let golden = URL(fileURLWithPath: "\(Self.folder)/\(name).txt")
            if isRecording { try message.write(to: golden, atomically: true, encoding: .utf8) }
            let expected = try? String(contentsOf: golden, encoding: .utf8)
            #expect(message == expected, "\(name).yaml; CAUDAL_RECORD_GOLDEN=1 records it anew")
        }
        #expect(!isRecording, "the golden files were recorded: read them, then run without CAUDAL_RECORD_GOLDEN")
    }

    /// What a user reads about a file, with the scratch folder's path left out.
    private static func message(for bytes: Data) throws -> String {
        let scratch = try ScratchFolder()
        var (pipeline, others) = parts(of: bytes)
        // A file that is not text has no parts.
        if others.isEmpty { pipeline = bytes }
        let file = try scratch.write("pipeline.yaml", pipeline)
        for (name, content) in others { try scratch.write(name, content) }
        do throws(InvalidPipeline) {
            _ = try LoadedPipeline(file: file, environment: environment(in: pipeline))
            return "no error\n"
        } catch {
            return (error.description + "\n").replacing(scratch.path + "/", with: "").replacing(
                scratch.path, with: "FOLDER")
        }
    }

    private static func environment(in pipeline: Data) -> String? {
        let lines = String(decoding: pipeline, as: UTF8.self).split(separator: "\n")
        return lines.first { $0.hasPrefix("# env: ") }.map { String($0.dropFirst(7)) }
    }

    private static func parts(of bytes: Data) -> (pipeline: Data, others: [(name: String, content: String)]) {
        let sections = String(decoding: bytes, as: UTF8.self).split(
            separator: "# file: ", omittingEmptySubsequences: false)
        let others = sections.dropFirst().map { section in
            let lines = section.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(lines[0]), lines.count > 1 ? String(lines[1]) : "")
        }
        return (Data(sections[0].utf8), others)
    }
}
