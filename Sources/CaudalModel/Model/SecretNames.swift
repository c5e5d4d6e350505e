import Foundation

/// Recognizes secrets by their names, and passwords inside of values with any name.
package struct SecretNames: Sendable {
    /// Names that the pipeline file declares secret, in capitals.
    private let others: Set<String>

    /// - Parameter others: Additional names of secrets.
    package init(_ others: some Sequence<String> = []) { self.others = Set(others.map { $0.uppercased() }) }

    /// What is shown in place of a secret.
    package static let replacement = "••••"

    /// A name that contains one of these is secret.
    private static let parts = ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "KEY"]
    /// A name that has one of these as a word is secret.
    private static let words: Set<String> = [
        "PWD", "PASS", "PASSPHRASE", "AUTH", "CREDENTIAL", "CREDENTIALS", "CREDS",
    ]
    /// Names of folders and sockets that look secret and are not.
    private static let harmless: Set<String> = ["PWD", "OLDPWD", "SSH_AUTH_SOCK"]
    /// Values that are settings and not secrets: masking them would remove ordinary words from every text.
    private static let settings: Set<String> = [
        "true", "false", "none", "null", "auto", "default", "enabled", "disabled",
    ]

    /// Whether the name marks its value as secret.
    package func isSecret(_ name: String) -> Bool {
        let upper = name.uppercased()
        if others.contains(upper) { return true }
        if Self.harmless.contains(upper) { return false }
        // Not `contains`, which compares by language: this is asked of every variable whenever the program starts.
        return Self.parts.contains { upper.firstRange(of: $0) != nil }
            || upper.split(whereSeparator: { $0 == "_" || $0 == "-" || $0 == "." }).contains {
                Self.words.contains(String($0))
            }
    }

    /// All secrets in named values: those with secret names, and passwords in URLs and DSNs with any name.
    package func secrets(in values: [String: String]) -> [String] {
        values.flatMap { name, value in
            let whole = !value.isEmpty && isSecret(name) && !Self.settings.contains(value.lowercased()) ? [value] : []
            return whole + (whole.isEmpty ? [] : ofJSON(value)) + Self.passwords(in: value)
        }
    }

    /// The texts of secret names in a secret that is JSON, as credentials of services are: programs print them alone.
    private func ofJSON(_ value: String) -> [String] {
        guard value.first(where: { !$0.isWhitespace }) == "{",
            let object = try? JSONSerialization.jsonObject(with: Data(value.utf8))
        else { return [] }
        func texts(_ value: Any, isSecret isSecretName: Bool) -> [String] {
            switch value {
            case let text as String: isSecretName && !Self.settings.contains(text.lowercased()) ? [text] : []
            case let list as [Any]: list.flatMap { texts($0, isSecret: isSecretName) }
            case let object as [String: Any]:
                object.flatMap { texts($0.value, isSecret: isSecretName || isSecret($0.key)) }
            default: []
            }
        }
        return texts(object, isSecret: false)
    }

    /// The values by name, with secrets replaced.
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
        // Up to the last @ of the authority; if a password is not percent-encoded as it should be, up to the last @ of
        // all.
        for match in value.matches(of: #/:\/\/(?<authority>[^\/?#\s"']*@)|:\/\/(?<rest>[^\s"']*@)/#) {
            let part = (match.output.authority ?? match.output.rest ?? "").dropLast()
            guard let colon = part.firstIndex(of: ":") else { continue }
            let password = part[part.index(after: colon)...]
            // This is a port, followed by an @ much later.
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
            // In a URL the password is percent-encoded; clients decode it.
            let decoded = password.removingPercentEncoding
            return decoded == nil || decoded == password ? [password] : [password, decoded ?? ""]
        }
    }

    /// The value at the beginning of a text, quoted in one of the ways of DSNs or up to its separator.
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
                // A doubled quotation mark is an escaped one.
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
