import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Files that other programs packed with what gzip allows: names, fields, comments, checksums, and several members.
@Suite("Packed files of others", .timeLimit(.minutes(5)), .enabled(if: Checkout.runsDuckDBTests))
struct GzipFilesTests {
    /// Writes `<name>.csv.gz` and `<name>.jsonl.gz`, each with the rows 1 to 20,000.
    private static let program = #"""
        import struct, zlib

        def member(data, extra=None, name=None, comment=None, checked=False):
            flags = 4 * (extra is not None) | 8 * (name is not None) | 16 * (comment is not None) | 2 * checked
            head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\x03"
            if extra is not None: head += struct.pack("<H", len(extra)) + extra
            if name is not None: head += name + b"\0"
            if comment is not None: head += comment + b"\0"
            if checked: head += struct.pack("<H", zlib.crc32(head) & 0xffff)
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            return head + packer.compress(data) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))

        csv = b"id,n\n" + b"".join(b"%d,%d\n" % (i, i % 7) for i in range(1, 20001))
        lines = b"".join(b'{"id":%d,"n":%d}\n' % (i, i % 7) for i in range(1, 20001))
        for ending, data in (("csv", csv), ("jsonl", lines)):
            def write(name, content): open(f"{name}.{ending}.gz", "wb").write(content)
            cut = 50003
            write("field", member(data, extra=b"BC\x02\x00\x1b\x00"))
            write("named", member(data, name=b"n" * 3000))
            write("comment", member(data, comment=b"made by hand"))
            write("checked", member(data, name=b"x", checked=True))
            write("all", member(data, extra=b"ab\x01\x00c", name=b"n", comment=b"c", checked=True))
            write("two", member(data[:cut]) + member(data[cut:], name=b"second"))
            write("empty", member(b"") + member(data) + member(b""))
            write("two_comments", member(data[:cut]) + member(data[cut:], comment=b"second"))
            write("padded", member(data) + b"\0" * 512)
        """#

    @Test("They are read whole, or refused with what they have", arguments: ["csv", "jsonl"])
    func packed(ending: String) async throws {
        let project = try CaudalProject(copying: [])
        try project.write("pack.py", Self.program)
        let made = try await project.run("/usr/bin/env", ["python3", "pack.py"])
        #expect(made.status == 0, "\(made)")
        let read = ["field", "named", "two", "empty"] + (ending == "csv" ? ["comment", "checked", "all"] : [])
        let all = read + ["two_comments", "padded"] + (ending == "csv" ? [] : ["comment", "checked", "all"])
        for name in all {
            try project.write(
                "p.yaml",
                """
                version: 1
                name: p
                datasets: {rows: {path: \(name).\(ending).gz}, got: {path: \(name).parquet}}
                stages: {read: {type: sql, query: "select count(*) n, sum(id::bigint) s from rows", output: got}}
                """)
            let ran = try await project.caudal("run", "p.yaml", "--plain")
            if read.contains(name) {
                #expect(ran.status == 0, "\(name): \(ran)")
                #expect(try await project.query("from '\(name).parquet'") == ["20000|200010000"], "\(name)")
            } else {
                #expect(ran.status != 0 && "\(ran)".contains("pack it again with gzip"), "\(name): \(ran)")
            }
        }
    }
}
