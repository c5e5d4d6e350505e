import CaudalModel

/// A transfer by the program `curl`: its settings as a file, so that no secret is among its arguments.
package struct CurlTransfer: Sendable, Hashable {
    struct Header: Sendable, Hashable {
        var name: String
        var value: String
    }

    /// What a mail needs besides its text.
    struct Mail: Sendable, Hashable {
        var from: String
        var to: [String]
        var user: String?
        var password: String?
        var needsTLS: Bool
    }

    var url: String
    var body: String
    var headers: [Header] = []
    var mail: Mail?

    init(url: String, body: String) {
        self.url = url
        self.body = body
    }

    /// A POST request with JSON.
    static func json(_ body: String, to url: String, _ delivery: String) -> CurlTransfer {
        var transfer = CurlTransfer(url: url, body: body)
        transfer.headers = [
            Header(name: "Content-Type", value: "application/json"), Header(name: "X-Caudal-Delivery", value: delivery),
        ]
        return transfer
    }

    /// How long a transfer may take.
    static let limit = 15

    /// Why it cannot be made; nil when it can.
    var fault: Failure? {
        let schemes = mail == nil ? ["http://", "https://"] : ["smtp://", "smtps://"]
        guard schemes.contains(where: url.lowercased().hasPrefix), url.unicodeScalars.allSatisfy({ $0.value > 0x20 })
        else { return Failure("the address is none that begins with \(schemes.joined(separator: " or "))") }
        if mail?.user?.contains(":") == true { return Failure("the user name of a mail server cannot hold ':'") }
        let texts = headers.map(\.value) + [mail?.user, mail?.password].compactMap { $0 }
        if texts.contains(where: { $0.contains(where: \.isNewline) }) {
            return Failure("a setting has a line break in it")
        }
        return nil
    }

    /// The settings as a file for `curl --config`.
    ///
    /// `bodyFile`: the path of the file with ``body``.
    func settings(bodyFile: String) -> String {
        var lines = [
            ("url", url), ("user-agent", "caudal/\(Version.text)"), ("max-time", String(Self.limit)),
            ("connect-timeout", "5"), ("write-out", #"\n%{response_code}"#),
        ]
        if let mail {
            lines += [("proto", "=smtp,smtps"), ("mail-from", mail.from), ("upload-file", bodyFile)]
            lines += mail.to.map { ("mail-rcpt", $0) }
            if let user = mail.user { lines.append(("user", "\(user):\(mail.password ?? "")")) }
        } else {
            lines += [("proto", "=http,https"), ("data-binary", "@" + bodyFile), ("request", "POST")]
            lines += headers.map { ("header", "\($0.name): \($0.value)") }
            // A server that wants to be asked first would make each transfer a second longer.
            lines.append(("header", "Expect:"))
        }
        var text = lines.map { $0 == "write-out" ? "\($0) = \"\($1)\"" : "\($0) = \(Self.quoted($1))" }
        text += ["silent", "show-error"] + (mail?.needsTLS == true ? ["ssl-reqd"] : [])
        // One address that is refused keeps the mail from nobody else.
        if let mail, mail.to.count > 1 { text.append("mail-rcpt-allowfails") }
        return text.joined(separator: "\n") + "\n"
    }

    private static func quoted(_ text: String) -> String {
        let inner = text.replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\"", with: "\\\"").replacing(
            scalar: "\n", with: "\\n")
        return "\"\(inner.replacing(scalar: "\r", with: "\\r"))\""
    }

    /// What came of a transfer.
    enum Answer: Sendable, Hashable {
        case sent
        /// It may work later.
        case failed(String)
        /// It will never work: the receiver does not accept what is sent.
        case refused(String)
    }

    /// What came of it, by what the program wrote and how it ended.
    ///
    /// `output`: what the server answered, and its status on a line of its own.
    func answer(exit: ProcessExit, output: String, errors: String) -> Answer {
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let status = Int(lines.last ?? "") ?? 0
        let said = lines.dropLast().joined(separator: " ").trimmed.withoutControls.shortened(to: 200)
        let fault = errors.trimmed.withoutControls.shortened(to: 300)
        if mail != nil {
            if exit == .exited(0) { return .sent }
            let words = fault.isEmpty ? "curl: \(exit.description)" : fault
            // The server refuses the sender, a receiver or the text for good.
            return (550...559).contains(status) ? .refused(words) : .failed(words)
        }
        // 22: it was told to end with what the server does not accept.
        guard exit == .exited(0) || exit == .exited(22) else {
            return .failed(fault.isEmpty ? "curl: \(exit.description)" : fault)
        }
        if (200...299).contains(status) { return .sent }
        let words = "the server answered \(status)" + (said.isEmpty ? "" : ": \(said)")
        // A redirection is not followed: whoever answers there would get what is secret.
        if (300...399).contains(status) { return .refused(words + "; write the address that it moved to") }
        // What the server cannot read now it will not be able to read later; all else may be mended there or here.
        return [400, 413, 415, 422].contains(status) ? .refused(words) : .failed(words)
    }
}
