/// A computation on the columns of one row, with the same meaning in every SQL engine.
package struct Expression: Hashable, Sendable {
    /// The kinds of expression.
    package indirect enum Node: Hashable, Sendable {
        case column(String)
        case literal(Literal)
        /// A parameter, an item's value or a fact of the run; its value is bound, never pasted into SQL.
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

    /// The functions, with the same meaning in every SQL engine.
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

    /// The columns it reads, each once, in order of first use.
    package var columns: [String] {
        var found: [String] = []
        visit { expression in
            if case .column(let name) = expression.node, !found.contains(name) { found.append(name) }
        }
        return found
    }

    /// The parts of it that become texts: what is cast to text or joined with other texts.
    package var textOperands: [Expression] {
        var found: [Expression] = []
        visit { expression in
            switch expression.node {
            case .cast(let operand, .text): found.append(operand)
            case .binary(.concatenate, let left, let right): found += [left, right]
            case .call(.concat, let arguments): found += arguments
            default: break
            }
        }
        return found
    }

    /// Whether something in it is cast to a time.
    package var castsToTimestamp: Bool {
        var found = false
        visit { if case .cast(_, .timestamp) = $0.node { found = true } }
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

    /// The expression with each of its operands replaced.
    ///
    /// - Throws: The first error of `change`.
    package func mappingChildren<Fault>(
        _ change: (Expression) throws(Fault) -> Expression
    ) throws(Fault) -> Expression {
        func all(_ list: [Expression]) throws(Fault) -> [Expression] {
            var changed: [Expression] = []
            for element in list { changed.append(try change(element)) }
            return changed
        }
        let node: Node
        switch self.node {
        case .column, .literal, .reference: node = self.node
        case .negate(let operand): node = .negate(try change(operand))
        case .not(let operand): node = .not(try change(operand))
        case .isNull(let operand, let negated): node = .isNull(try change(operand), negated: negated)
        case .isLike(let operand, let pattern, let negated):
            node = .isLike(try change(operand), pattern, negated: negated)
        case .cast(let operand, let type): node = .cast(try change(operand), type)
        case .binary(let operation, let left, let right):
            node = .binary(operation, try change(left), try change(right))
        case .isIn(let operand, let list, let negated):
            node = .isIn(try change(operand), try all(list), negated: negated)
        case .isBetween(let operand, let low, let high, let negated):
            node = .isBetween(try change(operand), try change(low), try change(high), negated: negated)
        case .cases(let branches, let otherwise):
            var changed: [Branch] = []
            for branch in branches {
                changed.append(Branch(when: try change(branch.when), then: try change(branch.then)))
            }
            node = .cases(changed, otherwise: try otherwise.map(change))
        case .call(let function, let arguments): node = .call(function, try all(arguments))
        }
        return Expression(node, at: offset)
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
