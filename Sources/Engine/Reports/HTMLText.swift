import CaudalModel

/// Text as HTML: escaped, and arranged in tables.
enum HTMLText {
    /// Escaped text for an element or a quoted attribute.
    ///
    /// Control characters and characters that change the writing direction become U+FFFD, so that one name cannot look
    /// like another.
    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}",
                "\u{2066}"..."\u{2069}":
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A cell of a table: its HTML, and its alignment.
    struct Cell: ExpressibleByStringInterpolation {
        var html: String
        var style = ""

        /// A cell of text; the text is escaped.
        init(_ text: String, style: String = "") {
            html = escaped(text)
            self.style = style
        }

        /// A cell of text from a literal or an interpolation; the text is escaped.
        init(stringLiteral text: String) { self.init(text) }

        /// A cell of finished HTML.
        init(html: String, style: String = "") {
            self.html = html
            self.style = style
        }

        /// A number, aligned right.
        static func number(_ text: String) -> Cell { Cell(text, style: "n") }

        /// A count of rows; empty for zero, so that other counts stand out.
        static func count(_ rows: Int64) -> Cell {
            Cell(rows == 0 ? "·" : rows.grouped, style: rows == 0 ? "n dim" : "n")
        }

        /// A name, in a monospaced font.
        static func code(_ text: String) -> Cell { Cell(html: "<code>\(escaped(text))</code>") }
    }

    /// A table with a header; header cells are aligned like the first row.
    static func table(_ head: [String], _ rows: [[Cell]], style: String = "") -> String {
        func cells(_ row: [Cell], _ tag: String) -> String {
            row.map { "<\(tag)\($0.style.isEmpty ? "" : " class=\"\($0.style)\"")>\($0.html)</\(tag)>" }.joined()
        }
        let titles = head.enumerated().map { index, title in
            Cell(title, style: rows.first?.count ?? 0 > index && rows[0][index].style.hasPrefix("n") ? "n" : "")
        }
        let body = rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n")
        return
            "<div class=\"scroll\"><table\(style.isEmpty ? "" : " class=\"\(style)\"")><thead><tr>\(cells(titles, "th"))"
            + "</tr></thead>\n<tbody>\(body)</tbody></table></div>\n"
    }

    /// A word in a coloured frame.
    static func badge(_ text: String, _ tone: ReportTone) -> String {
        "<span class=\"badge \(tone.rawValue)\">\(tone.mark) \(escaped(text))</span>"
    }
}

/// The severity of a statement; each has a mark, because colour alone is not enough.
enum ReportTone: String {
    case good, bad, wait, busy, dim

    var mark: String {
        switch self {
        case .good: "✓"
        case .bad: "✗"
        case .wait: "!"
        case .busy: "▸"
        case .dim: "–"
        }
    }

    init(_ status: UnitStatus) {
        switch status {
        case .succeeded, .reused: self = .good
        case .failed, .blocked: self = .bad
        case .running, .queued: self = .busy
        case .retrying: self = .wait
        case .pending, .skipped, .cancelled: self = .dim
        }
    }

    init(_ ending: AttemptResult.Ending?) {
        switch ending {
        case .succeeded, .reused: self = .good
        case .failed: self = .bad
        case .stopped, .interrupted: self = .wait
        case .skipped: self = .dim
        case nil: self = .busy
        }
    }

    init(_ outcome: CheckResult.Outcome) {
        switch outcome {
        case .passed: self = .good
        case .warned: self = .wait
        case .failed, .error: self = .bad
        }
    }
}
