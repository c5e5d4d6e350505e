/// Replaces secrets by `••••` wherever text leaves the engine: logs, events, reports, the screen.
package struct SecretMasker: Sendable {
    private let secrets: [[UInt8]]
    /// What stands for a secret.
    package static let replacement = "••••"
    private static let mask = Array(replacement.utf8)

    /// Values shorter than this are too likely to stand in harmless text.
    static let minimumLength = 4

    /// A masker of these values, each also as it looks in JSON and in SQL; longest first.
    package init(secrets: some Sequence<String>) {
        var forms: Set<String> = []
        for secret in secrets where secret.utf8.count >= Self.minimumLength {
            forms.insert(secret)
            forms.insert(String(JSONText.quoted(secret).dropFirst().dropLast()))
            forms.insert(secret.replacing("'", with: "''"))
            // A secret of several lines is met line by line.
            for line in secret.split(separator: "\n") where line.utf8.count >= Self.minimumLength {
                forms.insert(String(line))
            }
        }
        self.secrets = forms.map { Array($0.utf8) }.sorted { $0.count > $1.count }
    }

    /// The values of variables whose names say that they are secret.
    package static func secrets(in environment: [String: String]) -> [String] {
        environment.filter { !$0.value.isEmpty && isSecret($0.key) }.map(\.value)
    }

    /// Whether a variable's name says that its value is secret.
    package static func isSecret(_ name: String) -> Bool {
        let upper = name.uppercased()
        return ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "KEY"].contains { upper.contains($0) }
    }

    /// Whether there is nothing to hide.
    package var isEmpty: Bool { secrets.isEmpty }

    /// A text without secrets.
    package func masked(_ text: String) -> String {
        guard !isEmpty else { return text }
        var text = text
        return text.withUTF8 { bytes in withMasked(bytes) { String(decoding: $0, as: UTF8.self) } }
    }

    /// Calls `body` with bytes without secrets.
    package func withMasked<Result>(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Result)
        -> Result
    {
        guard let clean = masked(bytes) else { return body(bytes) }
        return clean.withUnsafeBufferPointer(body)
    }

    /// The bytes without secrets, or nil when they hold none.
    private func masked(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8]?
        for secret in secrets {
            let current = result ?? []
            let found: [UInt8]? =
                result == nil
                ? Self.replace(secret, in: bytes)
                : current.withUnsafeBufferPointer { Self.replace(secret, in: $0) }
            if let found { result = found }
        }
        return result
    }

    private static func replace(_ secret: [UInt8], in bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard bytes.count >= secret.count, let first = secret.first else { return nil }
        var result: [UInt8]?
        var copied = 0
        var index = 0
        while index <= bytes.count - secret.count {
            if bytes[index] == first, bytes[index..<(index + secret.count)].elementsEqual(secret) {
                var text = result ?? []
                text.append(contentsOf: bytes[copied..<index])
                text += mask
                result = text
                index += secret.count
                copied = index
            } else {
                index += 1
            }
        }
        result?.append(contentsOf: bytes[copied...])
        return result
    }
}
