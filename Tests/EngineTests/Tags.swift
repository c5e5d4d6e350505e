import Testing

// `swift test` filters by name alone: scripts/tests-by-tag prints the names of the tests with a tag.
extension Tag {
    /// What a run decides and records.
    @Tag static var runs: Self
    /// Asks the real `duckdb`: its tests are left out of `make test-fast`.
    @Tag static var duckDB: Self
    /// A property that is tested on random input from many seeds: left out of `make test-fast` too.
    @Tag static var property: Self
}
