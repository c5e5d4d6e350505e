extension String {
    /// Wraps the text at blanks into lines of at most `first` cells; breaks a word only if it is longer than a line.
    ///
    /// `further`: the width of the lines after the first, if it differs.
    /// - Returns: At least one line, each with at least one character unless the text is empty.
    func wrapped(_ first: Int, further: Int? = nil) -> [String] {
        var lines: [String] = []
        var (line, taken) = ("", 0)
        var width: Int { lines.isEmpty ? first : further ?? first }
        for word in split(separator: " ", omittingEmptySubsequences: false) {
            let wide = TextWidth.of(String(word))
            if !line.isEmpty, taken + 1 + wide > width {
                lines.append(line)
                (line, taken) = ("", 0)
            }
            if !line.isEmpty {
                line += " "
                taken += 1
            }
            for character in word {
                let wide = TextWidth.of(character)
                if taken + wide > width, !line.isEmpty {
                    lines.append(line)
                    (line, taken) = ("", 0)
                }
                line.append(character)
                taken += wide
            }
        }
        return lines + (line.isEmpty && !lines.isEmpty ? [] : [line])
    }
}
