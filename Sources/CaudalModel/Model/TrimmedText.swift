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
        let line = replacing(scalar: "\n", with: " ")
        return line.count <= limit ? line : line.prefix(max(0, limit - 1)) + "…"
    }
}

extension StringProtocol {
    /// The text with each occurrence of a character replaced, whatever stands beside it.
    ///
    /// Swift compares characters as a reader sees them: a quotation mark with an accent on it is another one for `replacing(_:with:)`,
    /// and so is each half of `\r\n`. For whoever reads the text byte by byte, both are what they are.
    package func replacing(scalar: Unicode.Scalar, with replacement: String) -> String {
        guard unicodeScalars.contains(scalar) else { return String(self) }
        var result = String.UnicodeScalarView()
        for one in unicodeScalars {
            if one == scalar { result.append(contentsOf: replacement.unicodeScalars) } else { result.append(one) }
        }
        return String(result)
    }
}
