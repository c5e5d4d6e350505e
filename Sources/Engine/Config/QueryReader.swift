package import CaudalModel

/// Finds what queries read: the SQL engine that would run them, or a test.
package protocol QueryReader: Sendable {
    /// How the engine writes SQL: a query has its references as the engine's bound values when it is read.
    var dialect: any SQLDialect { get }

    /// What the engine says of each query, by its text.
    ///
    /// - Parameters:
    ///   - root: The project's root, where the SQL engine may be installed.
    ///   - variables: The process's environment, by which the SQL engine is found too.
    /// - Throws: ``Failure`` when the SQL engine is not found or does not answer.
    func readings(
        of texts: [String], root: String, variables: [String: String]
    ) throws(Failure) -> [String: Result<QueryReading, QueryReading.Fault>]
}
