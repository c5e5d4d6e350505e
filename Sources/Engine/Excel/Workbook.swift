import CaudalModel

/// An Excel file: its sheets, and what their cells refer to.
struct Workbook {
    struct Sheet: Hashable {
        var name: String
        /// Where in the file it is; nil for a sheet without cells, such as a chart.
        var path: String?
    }

    let zip: ZipFile
    /// The file's name in messages.
    let name: String
    private(set) var sheets: [Sheet] = []
    /// Whether days are counted from 1904 on.
    private(set) var is1904 = false
    /// Whether the values of formulas are to be calculated by whoever opens the file, so that those in it mean nothing.
    private(set) var isToBeCalculated = false
    private var texts: String?
    /// What cells of each style hold.
    private(set) var formats: [CellFormat] = []

    /// Opens a file, and reads what it says of its sheets and styles.
    ///
    /// - Throws: ``Failure`` when it is no Excel file, or damaged.
    init(_ path: String, named name: String) throws(Failure) {
        self.name = name
        zip = try ZipFile(path, named: name)
        let start = try relations(of: "").first { $0.type.hasSuffix("/officeDocument") }
        guard let book = start?.target, zip.has(book) else {
            throw Failure("\(name) is no Excel file: it has no workbook", remedy: "save it as .xlsx")
        }
        let related = try relations(of: book)
        var found: [(name: String, id: String)] = []
        var reader = try xml(book)
        // What programs add for themselves has names of this level, too.
        var isAddition = false
        while let token = try reader.next() {
            if reader.name == "extLst" { isAddition = token == .start }
            guard token == .start, !isAddition else { continue }
            switch reader.name {
            case "sheet": found.append((try reader.attribute("name") ?? "", try reader.attribute("id") ?? ""))
            case "workbookPr": is1904 = Self.isTrue(try reader.attribute("date1904"))
            case "calcPr": isToBeCalculated = Self.isTrue(try reader.attribute("fullCalcOnLoad"))
            default: break
            }
        }
        sheets = found.map { sheet in
            let part = related.first { $0.id == sheet.id }
            return Sheet(name: sheet.name, path: part?.type.hasSuffix("/worksheet") == true ? part?.target : nil)
        }
        texts = related.first { $0.type.hasSuffix("/sharedStrings") }?.target
        if let styles = related.first(where: { $0.type.hasSuffix("/styles") })?.target { try readStyles(styles) }
    }

    /// A sheet by its name; without one, the only sheet.
    ///
    /// - Throws: ``Failure`` with the names that there are.
    func sheet(named wanted: String?) throws(Failure) -> Sheet {
        let names = sheets.filter { $0.path != nil }.map(\.name)
        let list = names.map { "'\($0)'" }.joined(separator: ", ").shortened(to: 500)
        guard let wanted else {
            if let only = sheets.first(where: { $0.path != nil }), names.count == 1 { return only }
            throw names.isEmpty
                ? Failure("\(name) has no sheet with cells", kind: .missingSheet)
                : Failure(
                    "\(name) has \(names.count) sheets: \(list)",
                    remedy: "say which one is read: 'excel: {sheet: \(names[0])}'", kind: .missingSheet)
        }
        // Excel does not distinguish names that differ only in case.
        guard let found = sheets.first(where: { $0.name.lowercased() == wanted.lowercased() }) else {
            throw Failure(
                "\(name) has no sheet '\(wanted)'"
                    + (Suggestion.closest(to: wanted, among: names).map { "; did you mean '\($0)'?" } ?? "")
                    + (names.isEmpty ? "" : "; its sheets are \(list)"), remedy: "correct 'sheet'", kind: .missingSheet)
        }
        guard found.path != nil else {
            throw Failure(
                "'\(wanted)' of \(name) is no sheet with cells", remedy: "its sheets are \(list)", kind: .missingSheet)
        }
        return found
    }

    /// The texts that cells refer to by their position.
    ///
    /// - Throws: ``Failure`` when they cannot be read.
    func sharedTexts() throws(Failure) -> [String] {
        guard let texts else { return [] }
        var found: [String] = []
        var reader = try xml(texts)
        while let token = try reader.next() {
            if token == .start, reader.name == "si" { found.append(try Self.richText(&reader, until: "si")) }
        }
        return found
    }

    /// A reader of a file inside of the workbook's.
    func xml(_ path: String) throws(Failure) -> XMLReader {
        XMLReader("'\(path)' in \(name)", try zip.reader(of: path))
    }

    /// The text of a cell up to the end of a tag: its parts without what tells how it is pronounced.
    static func richText(_ reader: inout XMLReader, until end: String) throws(Failure) -> String {
        var (text, isText, hidden) = ("", false, 0)
        while let token = try reader.next() {
            switch token {
            case .start:
                if reader.name == "rPh" { hidden += 1 }
                isText = reader.name == "t" && hidden == 0
            case .end:
                if reader.name == end { return unescaped(text) }
                if reader.name == "rPh" { hidden -= 1 }
                isText = false
            case .text: if isText { text += try reader.text() }
            }
        }
        return unescaped(text)
    }

    /// The text with the characters that XML cannot hold, which Excel writes as `_x000D_`, some as two of these.
    static func unescaped(_ text: String) -> String {
        guard text.contains("_x") else { return text }
        return text.replacing(#/(?:_x[0-9A-Fa-f]{4}_)+/#) { match in
            let units = match.output.split(separator: "_").compactMap { UInt16($0.dropFirst(), radix: 16) }
            return String(validating: units, as: UTF16.self) ?? String(match.output)
        }
    }

    static func isTrue(_ text: String?) -> Bool { text == "1" || text == "true" }

    // MARK: - Parts

    private func relations(of part: String) throws(Failure) -> [(id: String, type: String, target: String)] {
        let folder = part.contains("/") ? PathText.folder(of: part) + "/" : ""
        let path = "\(folder)_rels/\(PathText.lastComponent(of: part)).rels"
        guard zip.has(path) else { return [] }
        var found: [(id: String, type: String, target: String)] = []
        var reader = try xml(path)
        while let token = try reader.next() {
            guard token == .start, reader.name == "Relationship" else { continue }
            let target = try reader.attribute("Target") ?? ""
            found.append(
                (
                    try reader.attribute("Id") ?? "", try reader.attribute("Type") ?? "",
                    target.hasPrefix("/") ? String(target.dropFirst()) : Self.plain(folder + target)
                ))
        }
        return found
    }

    /// The path without `.` and `..`.
    private static func plain(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }

    private mutating func readStyles(_ path: String) throws(Failure) {
        var codes: [Int: String] = [:]
        var isInCells = false
        var reader = try xml(path)
        while let token = try reader.next() {
            if reader.name == "cellXfs" { isInCells = token == .start }
            guard token == .start else { continue }
            if reader.name == "numFmt", let id = try reader.attribute("numFmtId").flatMap({ Int($0) }) {
                codes[id] = try reader.attribute("formatCode") ?? ""
            } else if reader.name == "xf", isInCells {
                let id = try reader.attribute("numFmtId").flatMap { Int($0) } ?? 0
                formats.append(codes[id].map(CellFormat.init(code:)) ?? CellFormat(number: id))
            }
        }
    }
}
