/// A computation on the columns of one row, the same on every engine.
package struct Expression: Hashable, Sendable {
    /// What it is.
    package indirect enum Node: Hashable, Sendable {
        case column(String)
        case literal(Literal)
        /// A parameter, an item's value or a fact of the run; it is bound, never pasted.
        case reference(Template.Reference)
        case negate(Expression)
        case not(Expression)
        case binary(BinaryOperator, Expression, Expression)
        case isNull(Expression, negated: Bool)
        case isIn(Expression, [Expression], negated: Bool)
        case isBetween(Expression, Expression, Expression, negated: Bool)
        case isLike(Expression, String, negated: Bool)
        case cases([Branch], otherwise: Expression?)
        case cast(Expression, ColumnType)
        case call(Function, [Expression])
    }

    package var node: Node
    /// Where it begins in its source text, in characters from 0.
    package var offset: Int

    package init(_ node: Node, at offset: Int = 0) {
        self.node = node
        self.offset = offset
    }

    /// One `when … then …` of a case.
    package struct Branch: Hashable, Sendable {
        package var when: Expression
        package var then: Expression

        package init(when: Expression, then: Expression) {
            self.when = when
            self.then = then
        }
    }

    /// Operators between two operands.
    package enum BinaryOperator: String, Sendable, CaseIterable {
        case or, and
        case equal = "="
        case notEqual = "<>"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case concatenate = "||"
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case remainder = "%"
    }

    /// Functions that mean the same on every engine.
    package enum Function: String, Sendable, CaseIterable {
        case abs, ceil, coalesce, concat, contains, day, floor, greatest, hour, least, length, lower, ltrim
        case month, nullif, replace, round, rtrim, sha256, sqrt, substr, trim, upper, year
        case dateOf = "date_of"
        case daysBetween = "days_between"
        case endsWith = "ends_with"
        case regexpMatches = "regexp_matches"
        case regexpReplace = "regexp_replace"
        case splitPart = "split_part"
        case startsWith = "starts_with"
    }

    /// The columns it reads, each once, in the order they appear.
    package var columns: [String] {
        var found: [String] = []
        visit { expression in
            if case .column(let name) = expression.node, !found.contains(name) { found.append(name) }
        }
        return found
    }

    /// The references it holds, in order.
    package var references: [Template.Reference] {
        var found: [Template.Reference] = []
        visit { expression in if case .reference(let reference) = expression.node { found.append(reference) } }
        return found
    }

    /// Calls `action` on this expression and on everything inside it, outer before inner.
    package func visit(_ action: (Expression) -> Void) {
        action(self)
        for child in children { child.visit(action) }
    }

    private var children: [Expression] {
        switch node {
        case .column, .literal, .reference: []
        case .negate(let operand), .not(let operand), .isNull(let operand, _), .isLike(let operand, _, _),
            .cast(let operand, _):
            [operand]
        case .binary(_, let left, let right): [left, right]
        case .isIn(let operand, let list, _): [operand] + list
        case .isBetween(let operand, let low, let high, _): [operand, low, high]
        case .cases(let branches, let otherwise):
            branches.flatMap { [$0.when, $0.then] } + (otherwise.map { [$0] } ?? [])
        case .call(_, let arguments): arguments
        }
    }
}
