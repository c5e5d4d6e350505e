package import CaudalModel

/// A web server that a connection names, and what it is told about who asks.
package struct WebServer: Sendable {
    /// The connection's name.
    package let name: String
    /// What the addresses of its files begin with.
    package let address: String
    /// Where the connection is declared.
    package let location: SourceLocation
    private let user: String?
    private let password: String

    /// Fills a connection's settings.
    ///
    /// - Parameter value: The value of a reference.
    package init(_ connection: Connection, value: (Template.Reference) -> String?) {
        func setting(_ key: String) -> String? { connection.settings[key].map { $0.filled { value($0) ?? "" } } }
        name = connection.name
        location = connection.location
        let written = setting("endpoint") ?? ""
        address = written.hasSuffix("/") ? String(written.dropLast()) : written
        user = setting("user")
        password = connection.password.map { $0.filled { value($0) ?? "" } } ?? ""
    }

    /// The address of a file.
    package func address(of path: String) -> String { path.hasPrefix("/") ? address + path : "\(address)/\(path)" }

    /// What a request says of who makes it, as settings of `curl`: a name with a password, or a token.
    package var credentials: [(name: String, value: String?)] {
        if let user, !user.isEmpty { return [("user", "\(user):\(password)")] }
        return password.isEmpty ? [] : [("header", "authorization: Bearer \(password)")]
    }
}
