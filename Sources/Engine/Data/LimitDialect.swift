package import CaudalModel

/// What an engine is not given because it would come out differently there than elsewhere: the same pipeline gives the same
/// rows on every engine.
///
/// The words for it name the engine.
package protocol LimitDialect: Sendable {
    /// Whether a scan gives the rows of a file in their order, so that a query may ask for the first of them, and rows may be
    /// found by their places.
    var keepsOrder: Bool { get }
    /// Why the first rows of a user's query cannot be told, in words; nil where they can.
    var obstacleToFirstRows: String? { get }
    /// What of an expression comes out differently; nil for one that comes out alike.
    func obstacle(to expression: Expression, _ typing: ExpressionTyping) -> ExpressionFault?
    /// Why a step's cast comes out differently, in words; nil for one that comes out alike.
    func obstacle(toCast old: ColumnType, to new: ColumnType) -> String?
    /// Why a regular expression may match other texts, in words; nil for one that matches the same.
    func obstacle(toPattern pattern: String) -> String?
    /// Why a column cannot be read, in words; nil for one that can.
    func obstacle(toRead column: Column) -> String?
}

extension LimitDialect {
    package var keepsOrder: Bool { true }
    package var obstacleToFirstRows: String? { nil }
    package func obstacle(to expression: Expression, _ typing: ExpressionTyping) -> ExpressionFault? { nil }
    package func obstacle(toCast old: ColumnType, to new: ColumnType) -> String? { nil }
    package func obstacle(toPattern pattern: String) -> String? { nil }
    package func obstacle(toRead column: Column) -> String? { nil }
}
