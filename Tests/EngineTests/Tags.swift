import Testing

extension Tag {
    /// What a run decides and records.
    @Tag static var runs: Self
}
