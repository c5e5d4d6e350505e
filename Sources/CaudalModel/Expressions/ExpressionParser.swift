/// Parses the expression language of pipeline files: the part of SQL's expressions that has the same meaning in every
/// SQL engine.
package struct ExpressionParser {
    private let tokens: [(token: ExpressionToken, offset: Int)]
    private var index = 0
    private var depth = 0

    /// The maximum nesting depth of an expression.
    static let depthLimit = 100
    /// The maximum number of operators in chains, each of which lies one deeper in the tree.
    static let chainLimit = 800
    private var chained = 0

    /// Parses a whole expression.
    ///
    /// - Throws: ``ExpressionFault`` at the first character that does not fit the grammar.
    package static func parse(_ source: String) throws(ExpressionFault) -> Expression {
        var lexer = ExpressionLexer(source)
        var parser = ExpressionParser(tokens: try lexer.tokens())
        if parser.current == .end { throw ExpressionFault("an expression is missing", at: 0) }
        let expression = try parser.expression()
        if parser.current != .end {
            throw ExpressionFault("\(parser.current.description) does not fit here", at: parser.offset)
        }
        return expression
    }

    private init(tokens: [(token: ExpressionToken, offset: Int)]) { self.tokens = tokens }

    // MARK: - Tokens

    private var current: ExpressionToken { tokens[index].token }
    private var offset: Int { tokens[index].offset }

    private mutating func advance() { if index < tokens.count - 1 { index += 1 } }

    private func isKeyword(_ word: String) -> Bool {
        if case .name(let name) = current { name.lowercased() == word } else { false }
    }

    private mutating func take(keyword word: String) -> Bool {
        guard isKeyword(word) else { return false }
        advance()
        return true
    }

    private mutating func take(symbol: String) -> Bool {
        guard current == .symbol(symbol) else { return false }
        advance()
        return true
    }

    private mutating func require(symbol: String, after what: String) throws(ExpressionFault) {
        if !take(symbol: symbol) {
            throw ExpressionFault("'\(symbol)' is missing after \(what), not \(current.description)", at: offset)
        }
    }

    private mutating func require(keyword word: String) throws(ExpressionFault) {
        if !take(keyword: word) {
            throw ExpressionFault("'\(word)' is missing before \(current.description)", at: offset)
        }
    }

    // MARK: - Grammar, lowest precedence first

    /// An operator between what stands so far and what follows.
    private mutating func chain(
        _ operation: Expression.BinaryOperator, _ left: Expression,
        _ next: (inout Self) throws(ExpressionFault) -> Expression
    ) throws(ExpressionFault) -> Expression {
        let place = offset
        chained += 1
        guard chained <= Self.chainLimit else {
            throw ExpressionFault(
                "an expression has at most \(Self.chainLimit) operators",
                remedy: "compare with many values by 'in (…)', or derive parts of it in steps before", at: place)
        }
        advance()
        return Expression(.binary(operation, left, try next(&self)), at: place)
    }

    private mutating func expression() throws(ExpressionFault) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw ExpressionFault("this is nested too deeply", at: offset) }
        var left = try conjunction()
        while isKeyword("or") {
            left = try chain(.or, left) { parser throws(ExpressionFault) in try parser.conjunction() }
        }
        return left
    }

    private mutating func conjunction() throws(ExpressionFault) -> Expression {
        var left = try negation()
        while isKeyword("and") {
            left = try chain(.and, left) { parser throws(ExpressionFault) in try parser.negation() }
        }
        return left
    }

    private mutating func negation() throws(ExpressionFault) -> Expression {
        let place = offset
        guard take(keyword: "not") else { return try comparison() }
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw ExpressionFault("this is nested too deeply", at: offset) }
        return Expression(.not(try negation()), at: place)
    }

    private static let comparisons: [String: Expression.BinaryOperator] = [
        "=": .equal, "==": .equal, "<>": .notEqual, "!=": .notEqual, "<": .less, "<=": .lessOrEqual,
        ">": .greater, ">=": .greaterOrEqual,
    ]

    private mutating func comparison() throws(ExpressionFault) -> Expression {
        let left = try concatenation()
        let place = offset
        if case .symbol(let symbol) = current, let comparison = Self.comparisons[symbol] {
            advance()
            let right = try concatenation()
            if case .symbol(let next) = current, Self.comparisons[next] != nil {
                throw ExpressionFault("comparisons cannot be chained", remedy: "join them with 'and'", at: offset)
            }
            return Expression(.binary(comparison, left, right), at: place)
        }
        if take(keyword: "is") {
            let negated = take(keyword: "not")
            try require(keyword: "null")
            return Expression(.isNull(left, negated: negated), at: place)
        }
        let negated = isKeyword("not")
        if negated { advance() }
        if take(keyword: "in") {
            try require(symbol: "(", after: "'in'")
            var list = [try expression()]
            while take(symbol: ",") { list.append(try expression()) }
            try require(symbol: ")", after: "the list")
            return Expression(.isIn(left, list, negated: negated), at: place)
        }
        if take(keyword: "between") {
            let low = try concatenation()
            try require(keyword: "and")
            return Expression(.isBetween(left, low, try concatenation(), negated: negated), at: place)
        }
        if take(keyword: "like") {
            guard case .text(let pattern) = current else {
                throw ExpressionFault("'like' needs a text such as 'A%'", at: offset)
            }
            advance()
            return Expression(.isLike(left, pattern, negated: negated), at: place)
        }
        if negated { throw ExpressionFault("'not' here needs in, between or like", at: offset) }
        return left
    }

    private mutating func concatenation() throws(ExpressionFault) -> Expression {
        var left = try sum()
        while current == .symbol("||") {
            left = try chain(.concatenate, left) { parser throws(ExpressionFault) in try parser.sum() }
        }
        return left
    }

    private mutating func sum() throws(ExpressionFault) -> Expression {
        var left = try product()
        while case .symbol(let symbol) = current, symbol == "+" || symbol == "-" {
            left = try chain(symbol == "+" ? .add : .subtract, left) { parser throws(ExpressionFault) in
                try parser.product()
            }
        }
        return left
    }

    private mutating func product() throws(ExpressionFault) -> Expression {
        let operators: [String: Expression.BinaryOperator] = ["*": .multiply, "/": .divide, "%": .remainder]
        var left = try factor()
        while case .symbol(let symbol) = current, let operation = operators[symbol] {
            left = try chain(operation, left) { parser throws(ExpressionFault) in try parser.factor() }
        }
        return left
    }

    private mutating func factor() throws(ExpressionFault) -> Expression {
        let place = offset
        if take(symbol: "-") {
            depth += 1
            defer { depth -= 1 }
            guard depth <= Self.depthLimit else { throw ExpressionFault("this is nested too deeply", at: offset) }
            let operand = try factor()
            switch operand.node {
            case .literal(let literal) where literal.negated != literal:
                return Expression(.literal(literal.negated), at: place)
            default: return Expression(.negate(operand), at: place)
            }
        }
        return try primary()
    }

    private mutating func primary() throws(ExpressionFault) -> Expression {
        let place = offset
        switch current {
        case .number(let text):
            advance()
            guard let number = Literal(number: text) else {
                throw ExpressionFault("'\(text)' is not a number that fits", at: place)
            }
            return Expression(.literal(number), at: place)
        case .text(let text):
            advance()
            return Expression(.literal(.text(text)), at: place)
        case .quotedName(let name):
            advance()
            return Expression(.column(name), at: place)
        case .reference(let reference):
            advance()
            return Expression(.reference(reference), at: place)
        case .symbol("("):
            advance()
            let inside = try expression()
            try require(symbol: ")", after: "the parenthesis")
            return inside
        case .name(let name): return try named(name, at: place)
        case .symbol, .end:
            throw ExpressionFault("a value is missing before \(current.description)", at: place)
        }
    }

    private static let reserved: Set<String> = [
        "and", "or", "not", "is", "in", "between", "like", "when", "then", "else", "end", "as", "select", "from",
        "where",
    ]

    private mutating func named(_ name: String, at place: Int) throws(ExpressionFault) -> Expression {
        let word = name.lowercased()
        advance()
        switch word {
        case "true", "false": return Expression(.literal(.boolean(word == "true")), at: place)
        case "null": return Expression(.literal(.null), at: place)
        case "case": return try cases(at: place)
        case "cast": return try cast(at: place)
        case "date", "timestamp":
            if case .text(let text) = current {
                advance()
                return Expression(.literal(try Self.pointInTime(word, text, at: place)), at: place)
            }
        default: break
        }
        if current == .symbol("(") { return try call(name, at: place) }
        if Self.reserved.contains(word) {
            throw ExpressionFault(
                "'\(name)' is a keyword", remedy: "put it in double quotes if it is a column", at: place)
        }
        return Expression(.column(name), at: place)
    }

    private static func pointInTime(_ word: String, _ text: String, at place: Int) throws(ExpressionFault) -> Literal {
        let day = String(text.prefix(10))
        guard UTC.milliseconds(ofDate: day) != nil, word == "timestamp" || text.count == 10 else {
            throw ExpressionFault("'\(text)' is not a \(word)", remedy: "write it as 2026-11-23", at: place)
        }
        return word == "date" ? .date(text) : .timestamp(text)
    }

    private mutating func cases(at place: Int) throws(ExpressionFault) -> Expression {
        var branches: [Expression.Branch] = []
        while take(keyword: "when") {
            let when = try expression()
            try require(keyword: "then")
            branches.append(Expression.Branch(when: when, then: try expression()))
        }
        if branches.isEmpty { throw ExpressionFault("'case' needs at least one 'when … then …'", at: place) }
        let otherwise = take(keyword: "else") ? try expression() : nil
        try require(keyword: "end")
        return Expression(.cases(branches, otherwise: otherwise), at: place)
    }

    private mutating func cast(at place: Int) throws(ExpressionFault) -> Expression {
        try require(symbol: "(", after: "'cast'")
        let operand = try expression()
        try require(keyword: "as")
        let typePlace = offset
        var text = ""
        var nesting = 0
        while current != .end, !(current == .symbol(")") && nesting == 0) {
            switch current {
            case .name(let part), .number(let part): text += part
            case .symbol(let part):
                text += part
                nesting += part == "(" ? 1 : part == ")" ? -1 : 0
            case .text, .quotedName, .reference, .end: break
            }
            advance()
        }
        try require(symbol: ")", after: "the type")
        guard let type = ColumnType(named: text) else {
            let remedy = "the types are \(ColumnType.names.joined(separator: ", "))"
            throw ExpressionFault("'\(text)' is not a type", remedy: remedy, at: typePlace)
        }
        return Expression(.cast(operand, type), at: place)
    }

    private mutating func call(_ name: String, at place: Int) throws(ExpressionFault) -> Expression {
        guard let function = Expression.Function(rawValue: name.lowercased()) else {
            let names = Expression.Function.allCases.map(\.rawValue)
            let close = Suggestion.closest(to: name, among: names).map { "did you mean '\($0)'?" }
            throw ExpressionFault(
                "there is no function '\(name)'",
                remedy: close ?? "an 'sql' step can use every function of the engine", at: place)
        }
        advance()
        var arguments: [Expression] = []
        if current != .symbol(")") {
            arguments.append(try expression())
            while take(symbol: ",") { arguments.append(try expression()) }
        }
        try require(symbol: ")", after: "the arguments of '\(name)'")
        let counts = function.signature.counts
        guard counts.contains(arguments.count) else {
            let wanted =
                counts.upperBound == counts.lowerBound
                ? "\(counts.lowerBound)"
                : counts.upperBound == .max
                    ? "at least \(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
            throw ExpressionFault("'\(name)' takes \(wanted) arguments, not \(arguments.count)", at: place)
        }
        return Expression(.call(function, arguments), at: place)
    }
}
