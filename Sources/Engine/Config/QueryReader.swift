/// Tells what queries read: the engine that would run them, or a test.
package protocol QueryReader: Sendable {
    /// What the engine says of each query, by its text.
    ///
    /// `root`: the project's root, and `variables` the environment, by which the engine is found.
    /// - Throws: ``Failure`` when the engine is not there or does not answer.
    func readings(
        of texts: [String], root: String, variables: [String: String]
    ) throws(Failure) -> [String: Result<QueryReading, QueryReading.Fault>]
}
