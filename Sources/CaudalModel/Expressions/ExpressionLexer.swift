/// A fault in an expression: what is wrong, how to fix it, and at which character, counted from 0.
package struct ExpressionFault: Error, Sendable, Equatable {
    package let message: String
    package let remedy: String?
    package let offset: Int

    package init(_ message: String, remedy: String? = nil, at offset: Int) {
        self.message = message
        self.remedy = remedy
        self.offset = offset
    }
}

/// The tokens of the expression language.
enum ExpressionToken: Equatable, Sendable {
    case number(String)
    case text(String)
    /// A name; a keyword is a lowercase name where the grammar allows a keyword.
    case name(String)
    case quotedName(String)
    case reference(Template.Reference)
    case symbol(String)
    case end

    var description: String {
        switch self {
        case .number(let text), .name(let text), .symbol(let text): "'\(text)'"
        case .text(let text): "the text '\(text)'"
        case .quotedName(let text): "'\"\(text)\"'"
        case .reference(let reference): "'${\(reference)}'"
        case .end: "the end"
        }
    }
}

/// Splits an expression into tokens.
struct ExpressionLexer {
    private let characters: [Character]
    private var index = 0

    init(_ source: String) { characters = Array(source) }

    /// Every token with the character at which it begins; the end token is last.
    mutating func tokens() throws(ExpressionFault) -> [(token: ExpressionToken, offset: Int)] {
        var tokens: [(ExpressionToken, Int)] = []
        while true {
            while index < characters.count, characters[index].isWhitespace { index += 1 }
            let start = index
            let token = try next()
            tokens.append((token, start))
            if token == .end { return tokens }
        }
    }

    private static let symbols = [
        "<>", "!=", "<=", ">=", "==", "||", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",",
    ]

    private mutating func next() throws(ExpressionFault) -> ExpressionToken {
        guard index < characters.count else { return .end }
        let character = characters[index]
        if character.isASCII, character.isNumber { return number() }
        if character.isLetter || character == "_" {
            let start = index
            while index < characters.count,
                characters[index].isLetter || characters[index].isNumber
                    || characters[index] == "_"
            {
                index += 1
            }
            return .name(String(characters[start..<index]))
        }
        if character == "'" { return .text(try quoted("'", what: "text")) }
        if character == "\"" { return .quotedName(try quoted("\"", what: "name")) }
        if character == "$" { return try reference() }
        for symbol in Self.symbols where characters[index...].starts(with: symbol) {
            index += symbol.count
            return .symbol(symbol)
        }
        let remedy =
            character == "." ? "name a column without its table, or put a name with a dot in double quotes" : nil
        throw ExpressionFault("'\(character)' has no meaning here", remedy: remedy, at: index)
    }

    private mutating func number() -> ExpressionToken {
        let start = index
        func skipDigits() {
            while index < characters.count, characters[index].isASCII, characters[index].isNumber { index += 1 }
        }
        skipDigits()
        if index + 1 < characters.count, characters[index] == ".", characters[index + 1].isNumber {
            index += 1
            skipDigits()
        }
        if index < characters.count, characters[index] == "e" || characters[index] == "E" {
            var ahead = index + 1
            if ahead < characters.count, "+-".contains(characters[ahead]) { ahead += 1 }
            if ahead < characters.count, characters[ahead].isNumber {
                index = ahead
                skipDigits()
            }
        }
        return .number(String(characters[start..<index]))
    }

    private mutating func quoted(_ quote: Character, what: String) throws(ExpressionFault) -> String {
        let start = index
        var text = ""
        index += 1
        while index < characters.count {
            if characters[index] == quote {
                guard index + 1 < characters.count, characters[index + 1] == quote else {
                    index += 1
                    if let reference = Template.firstReference(in: text) {
                        throw ExpressionFault(
                            "'\(reference)' is in quotation marks, where it is not replaced",
                            remedy: "remove the quotation marks; the value is text, and || joins it with other text",
                            at: start)
                    }
                    return text
                }
                index += 1
            }
            text.append(characters[index])
            index += 1
        }
        throw ExpressionFault("this \(what) is never closed", remedy: "add the closing \(quote)", at: start)
    }

    private mutating func reference() throws(ExpressionFault) -> ExpressionToken {
        let start = index
        guard let close = characters[index...].firstIndex(of: "}"), characters[index...].starts(with: "${") else {
            throw ExpressionFault("'$' has no meaning here", remedy: "write ${params.x} or ${item.x}", at: start)
        }
        index = close + 1
        do {
            let template = try Template(parsing: String(characters[start...close]))
            if case .reference(let reference)? = template.segments.first { return .reference(reference) }
        } catch {
            throw ExpressionFault(error.message, at: start)
        }
        throw ExpressionFault("this is not a reference", remedy: "write ${params.x} or ${item.x}", at: start)
    }
}
