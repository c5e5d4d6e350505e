import CaudalModel
import Foundation
import Testing

@testable import Engine

@Suite("Versions of tables that a run reads", .timeLimit(.minutes(1)))
struct TableVersionsTests {
    private func newest(_ mark: String) -> TableVersion { TableVersion(folder: "/lake/sales", mark: mark) }

    @Test("All of a run reads the version that was found first, also after it was resumed")
    func first() throws {
        let folder = try FileText.makeTemporaryFolder("caudal-versions")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/table-versions.json"
        #expect(try TableVersions(file: file).version(of: "/lake/sales") { newest("3") }.mark == "3")
        #expect(try TableVersions(file: file).version(of: "/lake/sales") { newest("4") }.mark == "3")
        #expect(try TableVersions().version(of: "/lake/sales") { newest("4") }.mark == "4")
    }

    @Test("A note that is damaged is no permission to read another version")
    func damaged() throws {
        let folder = try FileText.makeTemporaryFolder("caudal-versions")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/table-versions.json"
        try FileText.replace("{\"/lake/sa", at: file)
        #expect(throws: Failure.self) {
            try TableVersions(file: file).version(of: "/lake/sales") { newest("4") }
        }
    }

    @Test("A version that cannot be noted is not read")
    func unwritable() {
        #expect(throws: Failure.self) {
            try TableVersions(file: "/dev/null/none/versions.json").version(of: "/lake/sales") { newest("4") }
        }
    }
}
