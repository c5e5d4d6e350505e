import CaudalModel
import Engine
import Foundation
import Testing

@Suite(.timeLimit(.minutes(15))) struct JSONTextTests {
    @Test("Any text is read back by another JSON reader as it was")
    func roundTrip() throws {
        var random = SplitMix64(seed: 1)
        for round in 0..<2000 {
            let text = String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 0...20, using: &random)).compactMap { _ in
                        let limit: UInt32 = Bool.random(using: &random) ? 0x80 : 0x11_0000
                        return Unicode.Scalar(UInt32.random(in: 0..<limit, using: &random))
                    }))
            let quoted = JSONText.quoted(text)
            let read = try JSONDecoder().decode([String].self, from: Data("[\(quoted)]".utf8))
            #expect(
                read.first.map { Array($0.unicodeScalars) } == Array(text.unicodeScalars), "round \(round): \(quoted)")
            #expect(quoted.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        }
    }

    @Test("Bytes that are not UTF-8 are kept, in JSON that every reader takes")
    func invalidBytes() throws {
        var bytes: [UInt8] = []
        [0x61, 0xFF, 0xC3, 0x28, 0xED, 0xA0, 0x80].withUnsafeBufferPointer { JSONText.append($0, to: &bytes) }
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #""a\udbff\udfff\udbff\udfc3(\udbff\udfed\udbff\udfa0\udbff\udf80""#)
        let read = try JSONDecoder().decode([String].self, from: Data([0x5B] + bytes + [0x5D]))
        #expect(read == ["a\u{10ffff}\u{10ffc3}(\u{10ffed}\u{10ffa0}\u{10ff80}"])
    }
}
