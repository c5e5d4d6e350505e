/// The rules for which runs are kept, and for how their logs are.
///
/// The newest runs are kept in any case. Of the others a run goes that is too old or beyond the size; without a rule for
/// either, all others go.
package struct Retention: Sendable, Hashable, Codable {
    /// The number of newest runs of each pipeline that are kept; nil for no such rule.
    package var newest: Int?
    /// Runs younger than this are kept; nil for no such rule.
    package var age: Duration?
    /// The bytes that the folders of a pipeline's runs may take together; nil for no limit.
    package var size: Int64?
    /// Logs of runs that ended longer ago than this are compressed; nil for never.
    package var compressAfter: Duration?

    package init(newest: Int? = nil, age: Duration? = nil, size: Int64? = nil, compressAfter: Duration? = nil) {
        self.newest = newest
        self.age = age
        self.size = size
        self.compressAfter = compressAfter
    }

    /// Whether a rule removes runs.
    package var removesRuns: Bool { newest != nil || age != nil || size != nil }
    /// Whether there is no rule.
    package var isEmpty: Bool { !removesRuns && compressAfter == nil }
}
