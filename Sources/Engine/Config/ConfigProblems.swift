package import CaudalModel

/// All faults of a pipeline file, in the order of its lines.
package struct InvalidPipeline: Error, Sendable, CustomStringConvertible {
    package let errors: [ConfigError]
    /// The lines of each file that an error refers to.
    let sources: [String: [String]]

    package init(errors: [ConfigError], sources: [String: [String]]) {
        self.sources = sources
        // Errors are sorted by file, in the order in which files were read, and by line within a file.
        var order: [String: Int] = [:]
        for error in errors where order[error.location.file] == nil { order[error.location.file] = order.count }
        // Warnings are left out until the file has no errors.
        self.errors = errors.filter { $0.severity == .error }.map { Self.placed($0, in: sources) }.sorted {
            (order[$0.location.file] ?? 0, $0.location.line, $0.location.column)
                < (order[$1.location.file] ?? 0, $1.location.line, $1.location.column)
        }
    }

    /// The error with a column that exists: the text of a folded scalar is counted as one line.
    private static func placed(_ error: ConfigError, in sources: [String: [String]]) -> ConfigError {
        guard let lines = sources[error.location.file], !lines.isEmpty else { return error }
        var error = error
        error.location.line = min(max(1, error.location.line), lines.count)
        error.location.column = min(max(1, error.location.column), lines[error.location.line - 1].count + 1)
        return error
    }

    /// Each error with its source line and a caret below the place.
    package var description: String { errors.map(picture).joined(separator: "\n") }

    private func picture(of error: ConfigError) -> String {
        let place = error.location
        guard let lines = sources[place.file], lines.indices.contains(place.line - 1) else { return error.oneLine }
        let line = lines[place.line - 1].withoutControls
        let number = String(place.line)
        let margin = String(repeating: " ", count: number.count)
        let before = line.prefix(max(0, place.column - 1))
        let hidden = max(0, before.count - Self.longestBefore)
        let start = (hidden > 0 ? "…" : "") + before.dropFirst(hidden)
        let rest = line.dropFirst(before.count)
        let end = rest.prefix(Self.longestAfter) + (rest.count > Self.longestAfter ? "…" : "")
        // Tabs are kept, so that the caret is below its character at any tab width.
        let indent = String(start.map { $0 == "\t" ? "\t" : " " })
        return "\(error.oneLine)\n \(number) | \(start)\(end)\n \(margin) | \(indent)^"
    }

    /// How much of a long line is shown around the place, in characters.
    private static let (longestBefore, longestAfter) = (100, 200)
}

/// Collects faults while a file is read, so that all are reported together.
///
/// It also records which keys the readers ask for, so that a test can compare the editors' schema with the readers.
package final class ConfigProblems {
    package private(set) var errors: [ConfigError] = []
    /// For each kind of mapping, the keys that its reader knows.
    package private(set) var knownKeys: [String: Set<String>] = [:]

    package init() {}

    /// Adds an error.
    package func report(_ message: String, remedy: String? = nil, at location: SourceLocation) {
        errors.append(ConfigError(message, remedy: remedy, at: location))
    }

    /// Adds a warning.
    package func warn(_ message: String, remedy: String? = nil, at location: SourceLocation) {
        errors.append(ConfigError(message, remedy: remedy, at: location, severity: .warning))
    }

    /// Adds a note: something that is right and may still surprise the user.
    package func note(_ message: String, remedy: String? = nil, at location: SourceLocation) {
        errors.append(ConfigError(message, remedy: remedy, at: location, severity: .note))
    }

    /// Whether an error makes the file unusable.
    package var hasErrors: Bool { errors.contains { $0.severity == .error } }

    /// The templates that were read, in order.
    private(set) var templates: [Located<Template>] = []
    /// The places of texts whose references need no check: they are replaced, or are prose.
    private var settled: Set<SourceLocation> = []

    func note(_ template: Located<Template>) {
        templates.append(template)
        settle(template.location)
    }

    func settle(_ location: SourceLocation) { settled.insert(location) }

    func isSettled(_ location: SourceLocation) -> Bool { settled.contains(location) }

    func note(knownKeys keys: [String], of kind: String) {
        // The mappings of one kind ask for the same keys, one after the other.
        if lastKeys.kind == kind, lastKeys.keys == keys { return }
        lastKeys = (kind, keys)
        knownKeys[kind, default: []].formUnion(keys)
    }

    private var lastKeys: (kind: String, keys: [String]) = ("", [])
}
