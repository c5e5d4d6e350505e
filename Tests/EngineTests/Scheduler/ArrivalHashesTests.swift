import CaudalModel
import Foundation
import TestSupport
import Testing

@testable import Engine

@Suite("Fingerprints of what arrives", .timeLimit(.minutes(15)))
struct ArrivalHashesTests {
    @Test("A small file is read at once, a large one beside the scheduler, and a pipe never", .timeLimit(.minutes(1)))
    func kinds() throws {
        let scratch = try ScratchFolder()
        let file = scratch.path("a.csv")
        try "1,2\n".write(toFile: file, atomically: true, encoding: .utf8)
        let mark = try #require(FileMark(file))
        let hash = try #require(ContentHash.ofFile(file))
        #expect(ArrivalHashes().hash(of: file, mark, atOnce: false) == .hash(hash))
        let small = ArrivalHashes(limit: 0)
        #expect(small.hash(of: file, mark, atOnce: false) == .pending)
        #expect(small.hash(of: file, mark, atOnce: true) == .hash(hash))
        let pipe = scratch.path("pipe.csv")
        #expect(mkfifo(pipe, 0o600) == 0)
        // This hung: whoever opens a pipe waits for a writer.
        #expect(ContentHash.ofFile(pipe) == nil && ContentHash.of(path: pipe) == nil)
    }
}
