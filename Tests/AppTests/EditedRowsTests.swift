import CaudalModel
import Testing

@testable import App

/// What comes back from an editor is compared by values, and what cannot be told for sure is refused.
@Suite("Edited rows", .timeLimit(.minutes(15)))
struct EditedRowsTests {
    private static let given = """
        quarantine_file,quarantine_row,id,note
        in.csv,1,7,"a ""b"", c"
        in.csv,2,x,"two
        lines"
        in.csv,5,,""

        """

    private func edited(_ text: String) throws(Failure) -> EditedRows {
        try EditedRows(Array(text.utf8), of: Self.given)
    }

    private func refusal(_ bytes: [UInt8]) -> String? {
        do throws(Failure) {
            _ = try EditedRows(bytes, of: Self.given)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("Only rows whose values differ are taken, with the columns above them")
    func changed() throws {
        let rows = try edited(Self.given.replacing("2,x,", with: "2,8,"))
        #expect(rows.count == 1)
        #expect(rows.changed == "quarantine_file,quarantine_row,id,note\nin.csv,2,8,\"two\nlines\"\n")
    }

    @Test(
        "What an editor or a spreadsheet does to the form of the file changes no row",
        arguments: [
            given, given.replacing("\n", with: "\r\n"), "\u{FEFF}" + given,
            given.replacing("in.csv", with: "\"in.csv\""),
            given.replacing("id", with: "\"id\""), String(given.dropLast()), given + "\n\n",
        ])
    func form(text: String) throws { #expect(try edited(text).count == 0) }

    @Test("A text that is empty and no text are two values")
    func empty() throws {
        #expect(try edited(Self.given.replacing(",,\"\"", with: ",,")).count == 1)
        #expect(try edited(Self.given.replacing(",,\"\"", with: ",\"\",\"\"")).count == 1)
    }

    @Test("Rows that were deleted stay quarantined")
    func deleted() throws {
        #expect(try edited("quarantine_file,quarantine_row,id,note\nin.csv,5,9,\n").count == 1)
    }

    @Test("What is no correction is refused with its line")
    func refusals() {
        let header = "quarantine_file,quarantine_row,id,note\n"
        let table: [(text: String, refusal: String)] = [
            ("", "the file is empty"),
            (
                "quarantine_file,quarantine_row,id\nin.csv,1,7\n",
                "the first line names the columns, and has to stay as it is"
            ),
            (header + "in.csv,1,7,a\nin.csv,1,8,b\n", "row 1 of in.csv stands there twice, on lines 2 and 3"),
            (header + "in.csv,9,7,a\n", "line 2 is for row 9 of in.csv, which is not among the quarantined rows"),
            (header + "in.csv,1,7\n", "line 2 has 3 values in place of 4"),
            (header + "in.csv,2,7,\"a\nb\"\nin.csv,1,7,a,b\n", "line 4 has 5 values in place of 4"),
            (header + "in.csv,1,7,\"a\n", "the quotation mark on line 2 is never closed"),
        ]
        for (text, reason) in table { #expect(refusal(Array(text.utf8)) == reason) }
        #expect(refusal(Array(header.utf8) + [0x69, 0xE9, 0x0A]) == "line 2 is not UTF-8; save the file as that")
    }

    @Test("What was changed before is there the next time, in the rows that are still quarantined")
    func merged() throws {
        let before = try edited(Self.given.replacing("2,x,", with: "2,8,")).changed
        let now = "quarantine_file,quarantine_row,id,note\nin.csv,2,x,\"two\nlines\"\nin.csv,6,y,z\n"
        #expect(EditedRows.merged(before, into: now) == now.replacing("2,x,", with: "2,8,"))
        #expect(EditedRows.merged("other,columns\n1,2\n", into: now) == now)
    }

    @Test("Rows that a stage had taken in when it failed are there the next time, too")
    func united() {
        let header = "quarantine_file,quarantine_row,id\n"
        let (before, now) = (header + "a.csv,2,x\na.csv,10,y\nb.csv,1,z\n", header + "a.csv,10,y\n")
        #expect(EditedRows.united(now, with: before) == before)
        #expect(EditedRows.united(before, with: now) == before)
        #expect(EditedRows.united(now, with: "other\n1\n") == now)
    }

    @Test("Under the first line that it was given with, a text whose first line was changed is begun again")
    func header() {
        #expect(EditedRows.underHeader(of: "a,b\n1,2\n", "a,c\n1,3\n") == "a,b\n1,3\n")
        #expect(EditedRows.underHeader(of: "a,b\n1,2\n", "") == "a,b")
    }
}
