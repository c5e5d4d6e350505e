/// Finds what queries read: the SQL engine that would run them, or a test.
package protocol QueryReader: Sendable {
    /// The SQL engine's reading of each query, by the query's text.
    ///
    /// - Parameters:
    ///   - root: The project's root, where the SQL engine may be installed.
    ///   - variables: The process's environment, by which the SQL engine is found too.
    /// - Throws: ``Failure`` when the SQL engine is not found or does not answer.
    func readings(
        of texts: [String], root: String, variables: [String: String]
    ) throws(Failure) -> [String: Result<QueryReading, QueryReading.Fault>]
}
