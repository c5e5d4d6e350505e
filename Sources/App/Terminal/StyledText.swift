/// A line of text with styles: pieces of text, which may come from any source.
///
/// Only ``rendered()`` turns it into bytes for a terminal. It sanitizes and colours everything, so that no call site
/// can forget to.
struct StyledText: ExpressibleByStringInterpolation, Sendable, Hashable {
    fileprivate struct Piece: Sendable, Hashable {
        var text: String
        var style: Style
    }

    private var pieces: [Piece]

    init(_ text: some StringProtocol, _ style: Style = .plain) { pieces = [Piece(text: String(text), style: style)] }

    init(stringLiteral text: String) { self.init(text) }

    init(stringInterpolation: Interpolation) { pieces = stringInterpolation.pieces }

    /// Joins text and styled text.
    struct Interpolation: StringInterpolationProtocol {
        fileprivate var pieces: [Piece] = []

        init(literalCapacity: Int, interpolationCount: Int) { pieces.reserveCapacity(interpolationCount * 2 + 1) }

        mutating func appendLiteral(_ text: String) {
            if !text.isEmpty { pieces.append(Piece(text: text, style: .plain)) }
        }

        mutating func appendInterpolation(_ text: StyledText) { pieces += text.pieces }
        mutating func appendInterpolation(_ value: some CustomStringConvertible) { appendLiteral(value.description) }
    }

    typealias StringInterpolation = Interpolation

    static func + (a: StyledText, b: StyledText) -> StyledText {
        var sum = a
        sum.pieces += b.pieces
        return sum
    }

    static func += (a: inout StyledText, b: StyledText) { a = a + b }

    /// The text with a style where it has none yet.
    func styled(_ style: Style) -> StyledText {
        var text = self
        for index in pieces.indices where pieces[index].style == .plain { text.pieces[index].style = style }
        return text
    }

    /// Its width in cells.
    var width: Int { pieces.reduce(0) { $0 + TextWidth.of(PlainText.printed($1.text)) } }

    /// The text, padded with blanks on the right to a width.
    func padded(to width: Int) -> StyledText {
        let missing = width - self.width
        return missing > 0 ? self + StyledText(String(repeating: " ", count: missing)) : self
    }

    /// The text for a terminal or a file: sanitized, with colours for the styles.
    func rendered() -> String {
        pieces.map { piece in
            let text = PlainText.printed(piece.text)
            guard let code = piece.style.code, !text.isEmpty else { return text }
            return "\u{1b}[\(code)m\(text)\u{1b}[0m"
        }.joined()
    }
}

extension Style {
    /// The codes that turn the style on in printed lines; nil for plain text.
    fileprivate var code: String? {
        switch self {
        case .good: "32"
        case .bad: "1;31"
        case .wait: "33"
        case .busy: "36"
        case .blocked: "35"
        case .dim: "2"
        default: nil
        }
    }
}

extension Sequence<StyledText> {
    /// Joins the pieces with a separator.
    func joined(separator: String) -> StyledText {
        var sum: StyledText = ""
        for (index, text) in enumerated() { sum += index == 0 ? text : StyledText(separator) + text }
        return sum
    }
}
