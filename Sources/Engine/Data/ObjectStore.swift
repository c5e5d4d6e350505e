/// An object as its store tells of it.
package struct StoredObject: Sendable, Hashable {
    package var key: String
    /// The store's mark of its content, with its quotation marks; empty where it gives none.
    package var mark: String
    /// nil where it is not known.
    package var size: Int64?
    /// When it was put there, as the store writes it; empty where it does not say.
    package var changed = ""
    /// A file with its content, where that was fetched.
    package var copy: String?

    /// What tells its versions apart, as far as the store does.
    var version: [String] { [key, mark, changed, size.map(String.init) ?? ""] }
}

/// A bucket of S3, or of a store that speaks its protocol.
package struct ObjectStore: Sendable, Hashable, CustomStringConvertible {
    /// Another store than Amazon's.
    package struct Endpoint: Sendable, Hashable {
        /// Its host, with its port where it has one.
        package var host: String
        package var isSecure: Bool

        /// - Parameter address: Such as `https://store.example.com:9000`, or only the host and port.
        init(_ address: String) {
            isSecure = !address.lowercased().hasPrefix("http://")
            var rest = address[...]
            if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
            host = String(rest.prefix { $0 != "/" })
        }
    }

    package var bucket: String
    package var region: String
    /// nil for Amazon's own.
    package var endpoint: Endpoint?

    /// The variables by which a child knows the key.
    package static let keyVariable = "AWS_ACCESS_KEY_ID"
    package static let secretVariable = "AWS_SECRET_ACCESS_KEY"
    package static let tokenVariable = "AWS_SESSION_TOKEN"
    /// The variable that names the endpoint when the connection does not.
    package static let endpointVariable = "AWS_ENDPOINT_URL"

    /// The store of a connection's settings; what they do not say is taken from the environment.
    init(_ settings: [String: String], _ variables: [String: String]) {
        bucket = settings["bucket"] ?? ""
        region =
            [settings["region"], variables["AWS_REGION"], variables["AWS_DEFAULT_REGION"]]
            .compactMap { $0 }.first { !$0.isEmpty } ?? "us-east-1"
        endpoint = [settings["endpoint"], variables[Self.endpointVariable]].compactMap { $0 }.first { !$0.isEmpty }
            .map { Endpoint($0) }
    }

    /// The key of a connection, for the environment of a child.
    static func environment(key: String?, secret: String?, _ variables: [String: String]) -> [String: String] {
        if let key, !key.isEmpty { return [keyVariable: key, secretVariable: secret ?? ""] }
        return variables.filter { [keyVariable, secretVariable, tokenVariable].contains($0.key) }
    }

    /// Such as `s3://sales at store.example.com`.
    package var description: String { "s3://\(bucket)" + (endpoint.map { " at \($0.host)" } ?? "") }

    /// The name of an object, or of those that match a pattern, as engines know it.
    package func url(of key: String) -> String { "s3://\(bucket)/\(key)" }

    /// The address of an object for programs that speak HTTP.
    package func address(of key: String) -> String {
        let path = Self.encoded(key, besides: "-._~/")
        guard let endpoint else { return "https://\(bucket).s3.\(region).amazonaws.com/\(path)" }
        return "\(endpoint.isSecure ? "https" : "http")://\(endpoint.host)/\(bucket)/\(path)"
    }

    /// The address of a question about the bucket, whose parameters stand in the order of their names.
    package func address(query: [(name: String, value: String)]) -> String {
        let text = query.map { "\($0.name)=\(Self.encoded($0.value, besides: "-._~"))" }.joined(separator: "&")
        guard let endpoint else { return "https://\(bucket).s3.\(region).amazonaws.com/?\(text)" }
        return "\(endpoint.isSecure ? "https" : "http")://\(endpoint.host)/\(bucket)?\(text)"
    }

    /// Letters and digits stay, and so do some signs.
    private static func encoded(_ text: String, besides plain: String) -> String {
        text.utf8.map { byte -> String in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || plain.utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
        }.joined()
    }
}
