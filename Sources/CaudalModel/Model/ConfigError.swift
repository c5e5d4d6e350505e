/// A fault in a user's file: what is wrong, where, and how to fix it.
package struct ConfigError: Error, Sendable, Hashable, CustomStringConvertible {
    /// How serious the fault is; with a warning or a note the file can still be used.
    package enum Severity: String, Sendable { case error, warning, note }

    package var severity: Severity
    /// What is wrong, in a sentence without a full stop.
    package var message: String
    /// How to fix it, unless the message makes that plain.
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

    /// The same as ``oneLine``.
    package var description: String { oneLine }

    /// `config/sales.yaml:12:9: error: stage 'load' needs 'cleen', which is not defined; did you mean 'clean'?`.
    package var oneLine: String {
        ((location.isWhole ? "" : "\(location): ") + "\(severity.rawValue): \(message)"
            + (remedy.map { "; \($0)" } ?? "")).withoutControls
    }
}

extension String {
    /// The text with a mark in place of each control character, so that a file cannot control the user's terminal.
    package var withoutControls: String {
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            let isControl = scalar.value < 0x20 && scalar != "\t" || (0x7F...0x9F).contains(scalar.value)
            scalars.append(isControl ? "\u{fffd}" : scalar)
        }
        return String(scalars)
    }
}
