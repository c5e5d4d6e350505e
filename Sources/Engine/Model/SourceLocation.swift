/// A place in a file that a person wrote, counted from 1 as editors count.
package struct SourceLocation: Hashable, Codable, Sendable, CustomStringConvertible {
    /// The file as the user named it.
    package var file: String
    /// The line, from 1.
    package var line: Int
    /// The column in characters, from 1.
    package var column: Int

    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// The file as such, when it cannot be read or what is wrong is not written in it.
    package static func whole(_ file: String) -> SourceLocation { SourceLocation(file: file, line: 0, column: 0) }

    /// Whether it is the file as such, which messages name themselves.
    package var isWhole: Bool { line == 0 }

    /// `config/sales.yaml:12:9`; the name alone for the file as such.
    package var description: String { isWhole ? file : "\(file):\(line):\(column)" }

    /// The place `columns` further right on the same line.
    package func advanced(by columns: Int) -> SourceLocation {
        SourceLocation(file: file, line: line, column: column + columns)
    }
}

/// A value and where it was written.
package struct Located<Value: Sendable>: Sendable {
    /// The value.
    package var value: Value
    /// Where it stands.
    package var location: SourceLocation

    package init(_ value: Value, at location: SourceLocation) {
        self.value = value
        self.location = location
    }
}

extension Located: Equatable where Value: Equatable {}
