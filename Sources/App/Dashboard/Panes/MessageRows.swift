/// The message at the bottom of a screen, on the rule above the keys.
enum MessageRows {
    /// Draws a message.
    ///
    /// - Parameters:
    ///   - keys: The row of the keys, the last one of the screen.
    ///   - coversKeys: Whether what is too long for the rule may stand in the place of the keys, as what is said for a moment may.
    /// - Returns: Whether the keys have their row.
    static func draw(_ message: Span, above keys: Int, coversKeys: Bool, into buffer: inout CellBuffer) -> Bool {
        let width = buffer.width - 2
        let lines = coversKeys ? message.text.wrapped(width - 2) : [message.text]
        buffer.write(" \(lines[0]) ", row: keys - 1, column: 1, limit: width, style: message.style)
        if lines.count < 2 { return true }
        buffer.write(
            lines.dropFirst().joined(separator: " "), row: keys, column: 2, limit: width - 1, style: message.style)
        return false
    }
}
