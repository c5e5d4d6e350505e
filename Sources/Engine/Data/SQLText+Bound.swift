extension SQLText {
    /// A user's query with its references as bound values, without a trailing semicolon.
    package static func bound(_ query: Template) -> String {
        let dialect = DuckDBDialect()
        var text = query.segments.map { segment in
            switch segment {
            case .text(let text): text
            case .reference(let reference): dialect.variable(reference, as: .text)
            }
        }.joined().trimmed
        while text.last == ";" { text = String(text.dropLast()).trimmed }
        return withPlainEnds(text)
    }
}
