package import CaudalModel

/// How an engine writes the statements of scripts.
package protocol StatementDialect: Sendable {
    /// A statement as SQL.
    func sql(of kind: SQLScript.Kind) -> String
    /// The text of a script, as a person may run it.
    ///
    /// `prelude`: settings, each a whole line, before anything else.
    func text(of script: SQLScript, prelude: [String]) -> String
    /// A value that a statement before has noted.
    func noted(_ name: String) -> String
    /// A value of a list that a statement before has noted, by its place from 0.
    func noted(_ name: String, at place: Int) -> String
}

extension SQLDialect {
    /// A query of the user with its references as bound values, without a semicolon at its end.
    package func bound(_ query: Template) -> String {
        var text = query.segments.map { segment in
            switch segment {
            case .text(let text): text
            case .reference(let reference): variable(reference, as: .text)
            }
        }.joined().trimmed
        // A comment behind it goes too; one with quotation marks may be a text that only looks like one.
        while let end = text.firstMatch(of: #/;\s*(--[^\n'"$]*)?$/#) {
            text = String(text[..<end.range.lowerBound]).trimmed
        }
        return SQLText.withPlainEnds(text)
    }

    /// An element of the list of columns that are written to a file.
    package func written(_ column: Column, in format: Dataset.Format) -> String {
        written(column, as: nil, in: format)
    }
}
