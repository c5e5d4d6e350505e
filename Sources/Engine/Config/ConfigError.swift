/// A fault in a file that a person wrote: what is wrong, where, and how to mend it.
package struct ConfigError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whether the file can be used all the same.
    package enum Severity: String, Sendable { case error, warning, note }

    package var severity: Severity
    /// What is wrong, in a sentence without a full stop.
    package var message: String
    /// How to mend it, if that is not plain from the message.
    package var remedy: String?
    package var location: SourceLocation

    package init(
        _ message: String, remedy: String? = nil, at location: SourceLocation, severity: Severity = .error
    ) {
        self.severity = severity
        self.message = message
        self.remedy = remedy
        self.location = location
    }

    /// As ``oneLine`` has it.
    package var description: String { oneLine }

    /// `config/sales.yaml:12:9: error: stage 'load' needs 'cleen', which is not defined; did you mean 'clean'?`.
    package var oneLine: String {
        (location.isWhole ? "" : "\(location): ") + "\(severity.rawValue): \(message)"
            + (remedy.map { "; \($0)" } ?? "")
    }
}

/// Everything that is wrong with a pipeline file, in the order of its lines.
package struct InvalidPipeline: Error, Sendable, CustomStringConvertible {
    package let errors: [ConfigError]
    /// The lines of each file that an error points into.
    let sources: [String: [String]]

    package init(errors: [ConfigError], sources: [String: [String]]) {
        self.errors = errors.sorted { ($0.location.line, $0.location.column) < ($1.location.line, $1.location.column) }
        self.sources = sources
    }

    /// Each error with its source line and a caret below the place.
    package var description: String { errors.map(picture).joined(separator: "\n") }

    private func picture(of error: ConfigError) -> String {
        let place = error.location
        guard let lines = sources[place.file], lines.indices.contains(place.line - 1) else { return error.oneLine }
        let line = lines[place.line - 1]
        let number = String(place.line)
        let margin = String(repeating: " ", count: number.count)
        // Tabs are kept, so that the caret stands below its character however wide they are drawn.
        let indent = String(line.prefix(max(0, place.column - 1)).map { $0 == "\t" ? "\t" : " " })
        return "\(error.oneLine)\n \(number) | \(line)\n \(margin) | \(indent)^"
    }
}

/// Collects what is wrong while a file is read, so that everything is reported together.
///
/// It also knows which keys were asked for where, so that a test can hold the editors' schema to the reader.
package final class ConfigProblems {
    package private(set) var errors: [ConfigError] = []
    /// For each kind of mapping, the keys its reader knows.
    package private(set) var knownKeys: [String: Set<String>] = [:]

    package init() {}

    /// Adds a fault.
    package func report(_ message: String, remedy: String? = nil, at location: SourceLocation) {
        errors.append(ConfigError(message, remedy: remedy, at: location))
    }

    /// Adds something that is worth a look and no fault.
    package func warn(_ message: String, remedy: String? = nil, at location: SourceLocation) {
        errors.append(ConfigError(message, remedy: remedy, at: location, severity: .warning))
    }

    /// Whether anything makes the file unusable.
    package var hasErrors: Bool { errors.contains { $0.severity == .error } }

    func note(knownKeys keys: Set<String>, of kind: String) { knownKeys[kind, default: []].formUnion(keys) }
}
