extension String {
    /// The text without leading and trailing whitespace.
    package var trimmed: String {
        var rest = Substring(self)
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }

    /// The text without line breaks, truncated after `limit` characters with an ellipsis.
    package func shortened(to limit: Int) -> String {
        let line = replacing("\n", with: " ")
        return line.count <= limit ? line : line.prefix(max(0, limit - 1)) + "…"
    }
}
