/// SQL that a user wrote in a pipeline file, and what the engine's parser says of it.
package struct Query: Sendable, Equatable {
    /// The rows that a query goes by the name of `input` with.
    package static let inputName = "input"

    /// Its text, whose references are bound as values.
    package var value: Template
    /// Where it is written.
    package var location: SourceLocation
    /// Whether it works on rows that it calls `input`: those of a step or of a check.
    package var hasInput: Bool
    /// The datasets it reads, each once, with the place of the first reading; found by ``QueryExamination``.
    package var reads: [Located<DatasetName>] = []
    /// What it asks for that is not the same twice, such as `now`.
    package var unsteady: [String] = []
    /// Where each part of its text stands in the file.
    package var places = TextPlaces()

    package init(_ value: Template, at location: SourceLocation, hasInput: Bool = false) {
        self.value = value
        self.location = location
        self.hasInput = hasInput
    }

    /// The place in the file of a byte of ``SQLText/bound(_:)``, from 0.
    package func place(of offset: Int) -> SourceLocation {
        places.location(of: offset, in: location.file) ?? location
    }
}
