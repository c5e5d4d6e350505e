package import CaudalModel

/// What an engine's own parser says of a query: the tables it reads, and what in it is not the same twice.
package struct QueryReading: Sendable, Equatable, Codable {
    /// A table that the query reads, other than its own common table expressions.
    package struct Table: Sendable, Equatable, Codable {
        /// The name without quotation marks.
        package var name: String
        /// The qualifier before the name, such as `other.`; empty for a name that can mean a dataset.
        package var qualifier = ""
        /// Its position in the query, in bytes from 0; nil where the parser does not report it.
        package var offset: Int?
    }

    /// Why a query cannot be used.
    package struct Fault: Error, Sendable, Equatable {
        package var message: String
        package var remedy: String?
        /// The position in the query, in bytes from 0.
        package var offset: Int?
    }

    package let tables: [Table]
    /// Functions, words and samples that give something else each time, each once.
    package let unsteady: [String]
    /// What it computes of several rows.
    package let gatherings: [Query.Gathering]
    /// The tables that it reads in several places whose rows meet, by their names in small letters.
    package let rereads: Set<String>

    package init(
        tables: [Table], unsteady: [String], gatherings: [Query.Gathering] = [], rereads: Set<String> = []
    ) {
        self.tables = tables
        self.unsteady = unsteady
        self.gatherings = gatherings
        self.rereads = rereads
    }
}

/// What an engine says of its functions, by their names in small letters.
package struct EngineFunctions: Sendable, Codable {
    /// Those whose result does not depend on their arguments alone.
    package var volatile: Set<String> = []
    /// Those that make one value of several rows.
    package var aggregates: Set<String> = []

    package init(volatile: Set<String> = [], aggregates: Set<String> = []) {
        self.volatile = volatile
        self.aggregates = aggregates
    }
}
