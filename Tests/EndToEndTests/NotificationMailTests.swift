import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("Notifications by mail", .timeLimit(.minutes(15)))
struct NotificationMailTests {
    private static let password = "p4ss-of-the-mail-server"

    /// A project that mails its failures, with a certificate that the test has made.
    private static func project(_ settings: String, variables: [String: String] = [:]) async throws -> CaudalProject {
        let own = ["MAIL_PASSWORD": password].merging(variables) { $1 }
        let project = try CaudalProject(copying: [], variables: own)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: umsätze
            """.replacing("umsätze", with: "sales")
                + """

                notify: {on: [failed, recovered], email: {\(settings)}}
                stages:
                  load: {type: command, run: "test -e go || { echo Zürich ist weg; exit 3; }"}

                """)
        return project
    }

    private static func certificate(in folder: ScratchFolder) async throws -> (file: String, key: String) {
        let (file, key) = (folder.path("cert.pem"), folder.path("key.pem"))
        let answer = try await ToolRun.output(
            of: "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", file,
            ], environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"], reactor: ProcessReactor())
        guard answer.exit == .exited(0) else { throw Failure(answer.errors) }
        return (file, key)
    }

    @Test(
        "A mail goes through TLS from the first byte or by STARTTLS, with a login", arguments: ["--tls", "--starttls"])
    func encrypted(way: String) async throws {
        let folder = try ScratchFolder()
        let certificate = try await Self.certificate(in: folder)
        let receiver = try await NotificationReceiver(
            .smtp,
            arguments: [way, certificate.file, certificate.key, "--user", "me", "--password", Self.password],
            variables: ["RECEIVER_SECRETS": "no such secret"])
        let scheme = way == "--tls" ? "smtps" : "smtp"
        let project = try await Self.project(
            "to: [ops@example.org, boss@example.org], from: caudal@example.org, server: "
                + "\"\(scheme)://localhost:\(receiver.port)\", user: me, password: \"${env.MAIL_PASSWORD}\"",
            variables: ["CURL_CA_BUNDLE": certificate.file])
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        try project.write("go", "")
        #expect(try await project.caudal("retry", "last", "--plain").status == 0)
        let sent = try await project.caudal("notify", "send", "--wait", "60s")
        #expect(sent.status == 0, "\(sent)")
        let mails = try receiver.entries
        // One for each address, which a server may refuse for itself.
        #expect(mails.count == 4)
        let mail = try #require(mails.first)
        #expect(mail.encrypted == true && mail.user == "me" && mail.bare == false)
        #expect(mail.from?.contains("<caudal@example.org>") == true && mail.to?.count == 1)
        #expect(mail.mail?.contains("To: ops@example.org, boss@example.org\r\n") == true)
        let text = try #require(mail.mail)
        #expect(text.contains("Subject: sales failed: load\r\n"))
        let body = try #require(text.components(separatedBy: "\r\n\r\n").dropFirst().first)
        let plain = String(
            decoding: Data(base64Encoded: body, options: .ignoreUnknownCharacters) ?? Data(), as: UTF8.self)
        #expect(plain.contains("Zürich ist weg") && plain.contains("caudal retry "))
        #expect(mails.last?.mail?.contains("Subject: sales has recovered\r\n") == true)
        let kept = try project.everythingKept()
        #expect(!kept.contains(Self.password))
    }

    @Test("A server without encryption gets nothing, unless the file says so")
    func unencrypted() async throws {
        let receiver = try await NotificationReceiver(.smtp)
        let place = "to: ops@example.org, from: caudal@example.org, server: \"smtp://127.0.0.1:\(receiver.port)\""
        let strict = try await Self.project(place)
        #expect(try await strict.caudal("run", "p.yaml", "--plain").status == 1)
        let unsent = try await strict.caudal("notify", "send", "--wait", "1s")
        #expect(unsent.status == 1 && unsent.output.contains("STARTTLS"), "\(unsent)")
        #expect(try receiver.entries.isEmpty)
        let open = try await Self.project(place + ", tls: none")
        #expect(try await open.caudal("run", "p.yaml", "--plain").status == 1)
        #expect(try await open.caudal("notify", "send", "--wait", "60s").status == 0)
        #expect(try receiver.entries.map(\.encrypted) == [false])
    }

    @Test("A receiver that is busy is tried again; one that is not there is given up")
    func refusals() async throws {
        let receiver = try await NotificationReceiver(.smtp)
        let place = "from: caudal@example.org, tls: none, server: \"smtp://127.0.0.1:\(receiver.port)\""
        let busy = try await Self.project("to: busy@example.org, " + place)
        #expect(try await busy.caudal("run", "p.yaml", "--plain").status == 1)
        #expect(try await busy.caudal("notify", "send", "--wait", "60s").status == 0)
        #expect(try receiver.entries.count == 1)
        let none = try await Self.project("to: nobody@example.org, " + place)
        #expect(try await none.caudal("run", "p.yaml", "--plain").status == 1)
        #expect(try await none.caudal("notify", "send", "--wait", "60s").status == 0)
        let listed = try await none.caudal("notify", "list", "--json")
        #expect(listed.output.contains("\"state\":\"given up\"") && listed.output.contains("550"), "\(listed)")
    }

    @Test("Of several addresses one is told, one is asked again, and one is given up by its name")
    func severalAddresses() async throws {
        let receiver = try await NotificationReceiver(.smtp)
        let project = try await Self.project(
            "to: [ops@example.org, busy@example.org, nobody@example.org], from: caudal@example.org, tls: none, "
                + "server: \"smtp://127.0.0.1:\(receiver.port)\"")
        #expect(try await project.caudal("run", "p.yaml", "--plain").status == 1)
        #expect(try await project.caudal("notify", "send", "--wait", "60s").status == 0)
        #expect(Set(try receiver.entries.map { $0.to ?? [] }).count == 2, "ops and busy, once each")
        #expect(try receiver.entries.count == 2)
        let listed = try await project.caudal("notify", "list")
        let refused = listed.output.split(separator: "\n").filter { $0.contains("given up") }
        #expect(refused.count == 1 && refused[0].contains("nobody@example.org"), "\(listed)")
    }
}
