/// A place in a user's file, counted from 1 as editors count.
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

    /// The file as a whole, for a fault that is not at a line of it.
    package static func whole(_ file: String) -> SourceLocation { SourceLocation(file: file, line: 0, column: 0) }

    /// Whether it is the file as a whole, which messages name in their own text.
    package var isWhole: Bool { line == 0 }

    /// `config/sales.yaml:12:9`; only the file's name for the file as a whole.
    package var description: String { isWhole ? file : "\(file):\(line):\(column)" }

    /// The location `columns` further to the right on the same line.
    package func advanced(by columns: Int) -> SourceLocation {
        SourceLocation(file: file, line: line, column: column + columns)
    }
}

/// A value and the place where it is written.
package struct Located<Value: Sendable>: Sendable {
    /// The value.
    package var value: Value
    /// Where it is written.
    package var location: SourceLocation

    package init(_ value: Value, at location: SourceLocation) {
        self.value = value
        self.location = location
    }
}

extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
