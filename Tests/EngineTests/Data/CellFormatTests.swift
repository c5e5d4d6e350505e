import CaudalModel
import Testing

@testable import Engine

@Suite("What numbers in cells stand for")
struct CellFormatTests {
    @Test(
        "The format of a cell tells dates, times and durations from numbers",
        arguments: [
            ("General", 46027.5, "46027.5"), ("0.00%", 0.5, "0.5"), ("0.0E+00", 1e20, "1e+20"), ("@", 7, "7"),
            ("dd/mm/yyyy", 46027, "2026-01-05"), ("dd/mm/yyyy", 46027.5, "2026-01-05T12:00:00"),
            ("0", 4000123412341234, "4000123412341234"), ("0", 1e15, "1000000000000000"),
            ("0", 1e17, "100000000000000000"),
            ("[$-409]d\\ mmm\\ yy;@", 46027, "2026-01-05"), ("mmm", 46027, "2026-01-05"),
            ("yyyy\\-mm\\-dd hh:mm:ss.000", 46027.0000000116, "2026-01-05T00:00:00.001"),
            ("h:mm AM/PM", 0.4375, "10:30:00"),
            ("h:mm", 1.25, "1900-01-01T06:00:00"), ("[h]:mm", 1.25, "30:00:00"), ("[Red]0;[Blue]-0", 5, "5"),
            ("0 \"days\"", 5, "5"), ("#,##0_);[Red](#,##0)", 1234, "1234"), ("yyyy", 59, "1900-02-28"),
            ("yyyy", 61, "1900-03-01"), ("yyyy", 2_958_465, "9999-12-31"), ("mm:ss", 0.999999999, "1900-01-00"),
            ("[=0]\"-\";yyyy-mm-dd", 46027, "2026-01-05"), ("[=0]\"-\";yyyy-mm-dd", 0, "0"),
            ("[=0]\"-\";0.00", 1.5, "1.5"), ("[<1]h:mm;yyyy-mm-dd", 0.5, "12:00:00"),
            ("[<1]h:mm;yyyy-mm-dd", 46027, "2026-01-05"), ("[<0]0;[<1]h:mm;yyyy-mm-dd", 46027, "2026-01-05"),
            ("[<0]0;[<1]h:mm;yyyy-mm-dd", -5, "-5"), ("0;0;yyyy", 46027, "46027"), ("yyyy-mm-dd;0;\"-\"", -5, "-5"),
            ("yyyy-mm-dd;@", 46027, "2026-01-05"), ("[h]:mm:ss", -0.25, "-06:00:00"), ("[mm]", 0.5, "12:00:00"),
            ("[Red][>=0]yyyy-mm-dd;General", 46027, "2026-01-05"), ("#,##0 Kčs", 5, "5"), ("0.0,, M", 5, "5"),
            ("aaaa", 46027, "2026-01-05"), ("ss.000", 0.5, "12:00:00"), ("0.00E+00;-0.00E+00", 2.5, "2.5"),
        ] as [(String, Double, String)])
    func texts(code: String, number: Double, text: String) {
        let shown = CellFormat(code: code).text(of: number, is1904: false)
        // Midnight of no day is no time.
        #expect(shown == (text == "1900-01-00" ? "1900-01-01T00:00:00" : text))
    }

    @Test("There is no text for days that there were not", arguments: [0, 60, -1, 2_958_466, .infinity])
    func none(number: Double) {
        #expect(CellFormat.date.text(of: number, is1904: false) == nil)
    }

    @Test(
        "Times that a file spells out are those that the calendar and the clock have",
        arguments: [
            ("yyyy-mm-dd", "2026-01-05", "2026-01-05"), ("yyyy-mm-dd", "2026-01-05T00:00:00", "2026-01-05"),
            ("General", "2026-01-05T12:30", "2026-01-05T12:30:00"),
            ("yyyy-mm-dd hh:mm", "2026-01-05", "2026-01-05T00:00:00"),
            ("yyyy-mm-dd hh:mm", "2026-01-05T00:00:00.000", "2026-01-05T00:00:00"),
            ("yyyy-mm-dd", "2026-01-05T12:30:00.50Z", "2026-01-05T12:30:00.5Z"),
            ("h:mm", "10:30:00", "10:30:00"), ("h:mm", "T10:30", "10:30:00"),
            ("h:mm", "1899-12-31T10:30:00", "10:30:00"),
            ("[h]:mm", "PT30H", "30:00:00"), ("[h]:mm", "-P1DT6H0M1.5S", "-30:00:01.500"),
            ("yyyy", "0001-01-01", "0001-01-01"), ("yyyy", "2026-02-29", nil), ("yyyy", "2026-13-01", nil),
            ("yyyy", "2026-01-05T24:00:00", nil), ("yyyy", "garbage", nil), ("yyyy", "2026-01-05 12", nil),
        ] as [(String, String, String?)])
    func spelled(code: String, text: String, value: String?) {
        #expect(CellFormat(code: code).text(ofISO: text) == value)
    }

    @Test("Every day from 1900 to 2100 is the one that the calendar has")
    func days() {
        var (year, month, day) = (1900, 3, 1)
        for serial in 61...73_110 {
            let text = CellFormat.date.text(of: Double(serial), is1904: false)
            let parts = [year, month, day].map { String($0) }.map { $0.count == 1 ? "0" + $0 : $0 }
            #expect(text == parts.joined(separator: "-"))
            if text != parts.joined(separator: "-") { return }
            #expect(serial < 1462 || CellFormat.date.text(of: Double(serial - 1462), is1904: true) == text)
            day += 1
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test("Ranges are read as Excel writes them")
    func ranges() {
        #expect(
            CellRange("B3").map { [$0.firstColumn, $0.firstRow, $0.lastColumn ?? -1, $0.lastRow ?? -1] } == [
                1, 3, -1, -1,
            ])
        #expect(
            CellRange("$b$3:AA200").map { [$0.firstColumn, $0.firstRow, $0.lastColumn ?? -1, $0.lastRow ?? -1] } == [
                1, 3, 26, 200,
            ])
        #expect(
            CellRange("A:C").map { [$0.firstColumn, $0.firstRow, $0.lastColumn ?? -1, $0.lastRow ?? -1] } == [
                0, 1, 2, -1,
            ])
        for text in ["", "B", "3", "B0", "B3:A3", "B3:B2", "XFE1", "B3:C4:D5", "B-3", "A1048577"] {
            #expect(CellRange(text) == nil, "\(text)")
        }
        #expect([0, 25, 26, 701, 702, 16383].map(CellRange.letters) == ["A", "Z", "AA", "ZZ", "AAA", "XFD"])
    }
}
