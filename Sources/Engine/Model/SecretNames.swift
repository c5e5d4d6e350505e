import Foundation

/// Tells by names which values are secrets, and finds passwords inside of values under any name.
package struct SecretNames: Sendable {
    /// Names that a pipeline file says are secret, in capitals.
    private let others: Set<String>

    /// `others`: names besides those that are secret everywhere.
    package init(_ others: some Sequence<String> = []) { self.others = Set(others.map { $0.uppercased() }) }

    /// What is shown in place of a secret.
    package static let replacement = "••••"

    /// What makes a name secret wherever it stands in it.
    private static let parts = ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "KEY"]
    /// What makes a name secret when it is one of its words.
    private static let words: Set<String> = [
        "PWD", "PASS", "PASSPHRASE", "AUTH", "CREDENTIAL", "CREDENTIALS", "CREDS",
    ]
    /// Names of folders and sockets that read as if they were secret.
    private static let harmless: Set<String> = ["PWD", "OLDPWD", "SSH_AUTH_SOCK"]
    /// Values that a setting has and no secret: masking them would take ordinary words out of every text.
    private static let settings: Set<String> = [
        "true", "false", "none", "null", "auto", "default", "enabled", "disabled",
    ]

    /// Whether a name says that its value is secret.
    package func isSecret(_ name: String) -> Bool {
        let upper = name.uppercased()
        if others.contains(upper) { return true }
        if Self.harmless.contains(upper) { return false }
        return Self.parts.contains { upper.contains($0) }
            || upper.split(whereSeparator: { $0 == "_" || $0 == "-" || $0 == "." }).contains {
                Self.words.contains(String($0))
            }
    }

    /// Every secret in named values: those of secret names, and the passwords in URLs and DSNs under any name.
    package func secrets(in values: [String: String]) -> [String] {
        values.flatMap { name, value in
            let whole = !value.isEmpty && isSecret(name) && !Self.settings.contains(value.lowercased()) ? [value] : []
            return whole + Self.passwords(in: value)
        }
    }

    /// The values by name, with those of secret names hidden.
    package func hidden(_ values: [String: String]) -> [String: String] {
        var shown = values
        for (name, value) in values where !value.isEmpty && isSecret(name) { shown[name] = Self.replacement }
        return shown
    }

    // MARK: - Passwords inside of values

    /// The passwords in a value that is a URL such as `postgres://ann:word@db`, or a DSN such as `host=db password=word`.
    package static func passwords(in value: String) -> [String] {
        guard value.contains("@") || value.contains("=") else { return [] }
        var found: [String] = []
        // Up to the last @ of the authority; where a password is not encoded as it should be, up to the last of all.
        for match in value.matches(of: #/:\/\/(?<authority>[^\/?#\s"']*@)|:\/\/(?<rest>[^\s"']*@)/#) {
            let part = (match.output.authority ?? match.output.rest ?? "").dropLast()
            guard let colon = part.firstIndex(of: ":") else { continue }
            let password = part[part.index(after: colon)...]
            // A port, and an @ far behind it.
            if match.output.authority == nil, password.contains(#/^\d*[\/?#]/#) { continue }
            found.append(String(password))
        }
        // `user:word@tcp(host:3306)/name`
        if let match = value.firstMatch(of: #/^[^:@\/\s]+:(?<password>\S+)@[a-z]*\(/#) {
            found.append(String(match.output.password))
        }
        let names = #/(?i)(?:^|[\s;&?,{])[a-z_]*(?:password|passwd|passphrase|pwd|secret|token)\s*=\s*/#
        for match in value.matches(of: names) {
            let word = assigned(in: value[match.range.upperBound...], endsAtBlank: !value.contains(";"))
            if !settings.contains(word.lowercased()) { found.append(word) }
        }
        return found.filter { !$0.isEmpty }.flatMap { password in
            // In a URL it is encoded, and what connects with it has it decoded.
            let decoded = password.removingPercentEncoding
            return decoded == nil || decoded == password ? [password] : [password, decoded ?? ""]
        }
    }

    /// The value at the beginning of a text, quoted in one of the ways of DSNs or up to what separates it.
    private static func assigned(in text: Substring, endsAtBlank: Bool) -> String {
        let closing: Character? =
            switch text.first {
            case "'": "'"
            case "\"": "\""
            case "{": "}"
            default: nil
            }
        guard let closing else {
            return String(text.prefix { $0 != ";" && $0 != "&" && !(endsAtBlank && $0.isWhitespace) })
        }
        var result = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == "\\", closing == "'", let next = rest.popFirst() {
                result.append(next)
            } else if character == closing {
                // Doubled, it stands for itself.
                guard rest.first == closing else { break }
                result.append(closing)
                rest = rest.dropFirst()
            } else {
                result.append(character)
            }
        }
        return result
    }
}
