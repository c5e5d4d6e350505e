import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// What lies at the path of a text and is none: it is refused at once, by name.
@Suite("Texts that are no files", .timeLimit(.minutes(5)))
struct OddFilesTests {
    private enum Odd: CaseIterable {
        case pipe, device, folder, huge

        var words: String {
            switch self {
            case .pipe: "is a named pipe, and not a regular file"
            case .device: "is a device, and not a regular file"
            case .folder: "is a folder"
            case .huge: "is too large for a text: it has 134 MB"
            }
        }
    }

    /// Puts something there that is no text.
    private func put(_ odd: Odd, at name: String, in folder: ScratchFolder) throws {
        let path = folder.path(name)
        switch odd {
        case .pipe: #expect(mkfifo(path, 0o600) == 0)
        case .device: #expect(symlink("/dev/zero", path) == 0)
        case .folder: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        case .huge:
            try folder.write(name, "")
            #expect(truncate(path, 128 << 20) == 0)
        }
    }

    @Test("A pipeline file, a schema and an .env are files", arguments: ["p.yaml", "s.json", ".env"])
    func texts(name: String) throws {
        for odd in Odd.allCases {
            let folder = try ScratchFolder()
            let texts = [
                "p.yaml": """
                version: 1
                name: p
                datasets: {raw: {path: raw.csv, schema: s.json}}
                stages: {a: {type: command, run: "true"}}
                """, "s.json": "{}", ".env": "A=1",
            ]
            for (file, text) in texts where file != name { try folder.write(file, text) }
            try put(odd, at: name, in: folder)
            do {
                _ = try PipelineLoader(variables: [:]).load(folder.path("p.yaml"))
                Issue.record("\(name) was taken for a text: \(odd)")
            } catch {
                let told = error.errors.map(\.oneLine).joined(separator: "\n")
                #expect(told.contains(name) && told.contains(odd.words), "\(odd): \(told)")
            }
        }
    }

    @Test("A file of /proc tells no size, and is read")
    func proc() throws { #expect(try !FileText.userText("/proc/self/status").isEmpty) }
}
