/// A user's SQL in a pipeline file, and what the SQL engine's parser reports of it.
package struct Query: Sendable, Equatable {
    /// The name under which a query reads the rows so far.
    package static let inputName = "input"

    /// The query's text; its references are bound as values.
    package var value: Template
    /// Where the query is written.
    package var location: SourceLocation
    /// Whether it reads the rows of a step or a check as `input`.
    package var hasInput: Bool
    /// The datasets it reads, each once, with the place of the first mention; filled in by ``QueryExamination``.
    package var reads: [Located<DatasetName>] = []
    /// The functions whose value differs from one execution to the next, such as `now`.
    package var unsteady: [String] = []
    /// What it computes of several rows.
    package var gatherings: [Gathering] = []
    /// What it reads in several places whose rows meet, such as to join it with itself.
    package var rereads: Set<DatasetName> = []
    /// Where each part of its text is in the file.
    package var places = TextPlaces()

    /// A part of a query that makes one value of several rows.
    package struct Gathering: Sendable, Equatable, Codable {
        /// What does so, such as `sum`.
        package var word: String
        /// The columns whose rows are taken together; empty where all are.
        package var columns: [GatheringColumn]
        /// The names of the tables whose rows it is about, in small letters.
        package var tables: Set<String>
        /// The column by which the greatest of those rows come first; nil where they are not chosen by their numbers.
        package var greatest: GatheringColumn?

        package init(word: String, columns: [GatheringColumn], tables: Set<String>) {
            self.word = word
            self.columns = columns
            self.tables = tables
        }
    }

    /// A column by which a query gathers rows.
    package struct GatheringColumn: Sendable, Equatable, Codable {
        /// Which columns of tables it may be: their names there, by the names of the tables, all in small letters; empty
        /// where it is made of something else.
        package var origins: [String: String]

        package init(origins: [String: String]) { self.origins = origins }
    }

    package init(_ value: Template, at location: SourceLocation, hasInput: Bool = false) {
        self.value = value
        self.location = location
        self.hasInput = hasInput
    }

    /// The place in the file of a byte of ``SQLText/bound(_:)``, counted from 0.
    package func place(of offset: Int) -> SourceLocation {
        places.location(of: offset, in: location.file) ?? location
    }
}
