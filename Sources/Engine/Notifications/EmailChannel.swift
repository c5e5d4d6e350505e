import CaudalModel
import Foundation

/// `email`: a mail through an SMTP server, with TLS unless the file says otherwise.
enum EmailChannel: ChannelKind {
    static let typeName = "email"
    static let secretSettings: Set = ["password"]

    /// Whether a connection must be encrypted.
    private enum TLS: String, CaseIterable { case required, none }

    static func read(_ subject: ChannelSubject) -> [String: String]? {
        guard case .mapping = subject.node.content else {
            subject.problems.report(
                "'email' must be a mapping with 'to', 'from' and 'server', not \(subject.node.kindName)",
                at: subject.node.location)
            return nil
        }
        let count = subject.problems.errors.count
        var reader = subject.reader
        var settings: [String: String] = [:]
        let receivers = reader.texts("to", isRequired: true, needsOne: true)
        settings["to"] = receivers.compactMap { subject.problems.template($0)?.value.description }.joined(
            separator: ",")
        for key in ["from", "server"] { settings[key] = subject.template(key, isRequired: true, &reader) }
        for key in ["to", "from"] {
            // What a reference stands for is known when it is sent.
            let wrong = (settings[key] ?? "").split(separator: ",").map { String($0).trimmed }
                .filter { !$0.contains("${") && !isAddress($0) }
            for place in wrong {
                subject.problems.report(
                    "'\(place)' is not a mail address; write it as name@example.org", at: reader.location(of: key))
            }
        }
        settings["user"] = subject.template("user", &reader)
        settings["password"] = subject.template("password", &reader)
        settings["tls"] = reader.choice("tls", as: TLS.self)?.rawValue
        if settings["password"] != nil, settings["user"] == nil {
            subject.problems.report("'password' needs 'user'", at: reader.location(of: "password"))
        }
        reader.finish()
        guard subject.isSound(since: count), subject.address(settings["server"], schemes: ["smtp", "smtps"]) != nil
        else { return nil }
        return settings
    }

    /// A server may refuse one address, and be busy for another.
    static func divided(_ settings: [String: String]) -> [[String: String]] {
        addresses(settings["to"]).map { settings.merging(["receiver": $0]) { $1 } }
    }

    private static func addresses(_ list: String?) -> [String] {
        (list ?? "").split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch {
        let from = settings["from"] ?? ""
        let all = addresses(settings["to"])
        let receivers = settings["receiver"].map { addresses($0) } ?? all
        for place in [from] + receivers {
            guard isAddress(place) else {
                throw Failure("'\(place)' is not a mail address", remedy: "write it as name@example.org")
            }
        }
        let mail = message(notice, delivery, from: from, to: all)
        var transfer = CurlTransfer(url: settings["server"] ?? "", body: mail)
        transfer.mail = CurlTransfer.Mail(
            from: from, to: receivers, user: settings["user"], password: settings["password"],
            needsTLS: settings["tls"] != TLS.none.rawValue)
        return .transfer(transfer)
    }

    private static func isAddress(_ text: String) -> Bool {
        let hasOdd = text.contains { $0.isNewline || "<>\"".contains($0) || $0.isWhitespace }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && !hasOdd
    }

    /// The mail with its headers, with the line ends of SMTP.
    static func message(_ notice: Notice, _ delivery: DeliveryFacts, from: String, to receivers: [String]) -> String {
        let text = NoticeText(notice)
        let domain = from.split(separator: "@").last.map(String.init) ?? "localhost"
        let headers = [
            "From: \(from)", "To: \(receivers.joined(separator: ", "))", "Subject: \(encodedWords(text.title))",
            "Date: \(date(delivery.sentAt))", "Message-ID: <\(delivery.id)@\(domain)>", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
            "Auto-Submitted: auto-generated", "X-Caudal-Delivery: \(delivery.id)",
            "X-Caudal-Event: \(notice.occasion.rawValue)",
        ]
        // Base64 leaves no line that is too long, and none that begins with a dot.
        let body = Data(text.plain.utf8).base64EncodedString(options: [
            .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
        ])
        return headers.joined(separator: "\r\n") + "\r\n\r\n" + body + "\r\n"
    }

    /// A header's text: as it is where it is plain, else in encoded words of at most 75 characters.
    static func encodedWords(_ text: String) -> String {
        if text.utf8.count < 70, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var words: [String] = []
        var part = ""
        for character in text.withoutControls {
            if (part + String(character)).utf8.count > 42 {
                words.append(part)
                part = ""
            }
            part.append(character)
        }
        words.append(part)
        return words.map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }.joined(separator: "\r\n ")
    }

    /// `Sun, 29 Nov 2026 06:00:00 +0000`.
    static func date(_ milliseconds: Int64) -> String {
        let fields = UTC.fields(milliseconds)
        let days = Int(milliseconds.floored(by: 86_400_000))
        // 1970-01-01 was a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][((days % 7) + 7) % 7]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let clock = UTC.isoSecond(milliseconds).dropFirst(11).prefix(8)
        return "\(weekday), \(fields.day) \(months[fields.month - 1]) \(fields.year) \(clock) +0000"
    }
}
