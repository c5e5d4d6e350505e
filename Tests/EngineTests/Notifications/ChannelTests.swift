import CaudalModel
import Foundation
import Testing

@testable import Engine

@Suite("What channels send")
struct ChannelTests {
    private static let facts = DeliveryFacts(
        id: "11111111-2222-8333-8444-555555555555", sentAt: 1_795_932_000_000, root: "/srv/p", host: "box")

    private static func notice(_ occasion: NotificationRule.Occasion = .failed) -> Notice {
        var notice = Notice(
            id: "r1/7", occasion: occasion, pipeline: "sales", environment: "prod", run: "20261129-060000-k3f9",
            stage: occasion == .recovered ? nil : "publish", at: 1_795_932_000_000, root: "/srv/p", host: "box")
        notice.started = 1_795_931_940_000
        notice.since = 1_795_924_800_000
        notice.failedRuns = 3
        notice.blocks = ["report", "mail"]
        notice.trigger = "manual"
        notice.parameters = ["day": "2026-11-28"]
        var failed = Notice.Failed(message: "exit status 75: ERROR 503 <refused> & \"gone\"", fingerprint: "00ff")
        failed.lines = ["connecting", "ERROR 503 ```x```"]
        failed.attempts = 2
        failed.remedy = "try again"
        failed.history = "seen 4 times since 2026-05-03, 3 cleared by one retry, last by ann"
        notice.failed = failed
        return notice
    }

    private static func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private static func transfer(
        _ kind: any ChannelKind.Type, _ settings: [String: String]
    ) throws -> CurlTransfer {
        guard case .transfer(let transfer) = try kind.dispatch(notice(), facts, settings) else {
            throw Failure("no transfer")
        }
        return transfer
    }

    @Test("A message says what failed, since when, why, how often before, what it blocks and what to type")
    func words() {
        #expect(
            NoticeText(Self.notice()).plain == """
                sales (prod) failed: publish
                why: exit status 75: ERROR 503 <refused> & "gone"
                remedy: try again
                since 2026-11-29 04:00 UTC (2h00), in 3 runs
                this failure: seen 4 times since 2026-05-03, 3 cleared by one retry, last by ann
                tried 2 times
                blocks: report, mail
                run: 20261129-060000-k3f9, day=2026-11-28
                on box in /srv/p

                last lines:
                  connecting
                  ERROR 503 ```x```

                caudal retry 20261129-060000-k3f9 publish
                caudal show 20261129-060000-k3f9

                """)
    }

    @Test(
        "Every occasion has a title",
        arguments: [
            (NotificationRule.Occasion.failed, "p failed: load"), (.recovered, "p: load has recovered"),
            (.succeeded, "p: load succeeded"), (.late, "p is late"), (.missed, "p missed a run"),
            (.retrying, "p: load failed and is tried again"), (.checkWarned, "p: checks of load warned"),
            (.started, "p: load started"), (.cancelled, "p: load was cancelled"),
        ])
    func titles(occasion: NotificationRule.Occasion, title: String) {
        var notice = Notice(id: "1", occasion: occasion, pipeline: "p", stage: "load", at: 0, root: "/", host: "h")
        #expect(NoticeText(notice).title == title)
        notice.isTest = true
        #expect(NoticeText(notice).title == "TEST: " + title)
    }

    @Test("A webhook gets everything as JSON; with a secret it is signed together with the time")
    func webhook() throws {
        let transfer = try Self.transfer(WebhookChannel.self, ["url": "https://x", "secret": "key"])
        let body = try Self.object(transfer.body)
        #expect(body["event"] as? String == "failed" && body["run"] as? String == "20261129-060000-k3f9")
        #expect((body["failure"] as? [String: Any])?["fingerprint"] as? String == "00ff")
        #expect(body["delivery"] as? String == Self.facts.id && body["version"] as? Int == 1)
        let headers = Dictionary(uniqueKeysWithValues: transfer.headers.map { ($0.name, $0.value) })
        #expect(headers["X-Caudal-Delivery"] == Self.facts.id)
        let code = MessageSignature.code(of: "1795932000.\(transfer.body)", key: "key")
        #expect(headers["X-Caudal-Signature"] == "t=1795932000,v1=\(code)")
        let plain = try Self.transfer(WebhookChannel.self, ["url": "https://x"])
        #expect(!plain.headers.contains { $0.name == "X-Caudal-Signature" })
    }

    @Test("Codes are those of RFC 4231; ids from texts are UUIDs and stay the same")
    func codes() {
        #expect(
            MessageSignature.code(of: "what do ya want for nothing?", key: "Jefe")
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let id = MessageSignature.uuid(of: "x")
        #expect(id == MessageSignature.uuid(of: "x") && id != MessageSignature.uuid(of: "y"))
        #expect(UUID(uuidString: id) != nil && id.dropFirst(14).first == "8")
    }

    @Test("Slack gets sections within its limit, with its own characters escaped")
    func slack() throws {
        let text = SlackChannel.form(of: Self.notice())
        let blocks = try #require(try Self.object(text)["blocks"] as? [[String: Any]])
        let texts = blocks.compactMap { ($0["text"] as? [String: Any])?["text"] as? String }
        #expect(texts.first == "*sales (prod) failed: publish*")
        #expect(texts.contains { $0.contains("&lt;refused&gt; &amp;") })
        #expect(texts.contains("```\nconnecting\nERROR 503 '''x'''\n```"))
        var long = Self.notice()
        long.failed?.lines = (1...20).map { _ in String(repeating: "<", count: 2000) }
        let longBlocks = try #require(try Self.object(SlackChannel.form(of: long))["blocks"] as? [[String: Any]])
        for block in longBlocks {
            #expect(((block["text"] as? [String: Any])?["text"] as? String ?? "").count <= 3000)
        }
    }

    @Test("Teams gets an adaptive card")
    func teams() throws {
        let form = try Self.object(TeamsChannel.form(of: Self.notice()))
        let attachment = try #require((form["attachments"] as? [[String: Any]])?.first)
        #expect(attachment["contentType"] as? String == "application/vnd.microsoft.card.adaptive")
        let body = try #require((attachment["content"] as? [String: Any])?["body"] as? [[String: Any]])
        #expect(body.first?["text"] as? String == "sales (prod) failed: publish")
        #expect(body.first?["color"] as? String == "Attention")
        #expect(body.contains { ($0["text"] as? String)?.contains("\\<refused\\>") == true })
    }

    @Test("PagerDuty gets a trigger, and a resolve for the same incident")
    func pagerDuty() throws {
        let trigger = try Self.object(PagerDutyChannel.form(of: Self.notice(), key: "k", source: "box"))
        #expect(trigger["event_action"] as? String == "trigger" && trigger["routing_key"] as? String == "k")
        #expect(trigger["dedup_key"] as? String == "caudal/sales@prod")
        let payload = try #require(trigger["payload"] as? [String: Any])
        #expect(payload["severity"] as? String == "error" && payload["source"] as? String == "box")
        #expect((payload["summary"] as? String)?.hasPrefix("sales (prod) failed: publish: why:") == true)
        let resolve = try Self.object(PagerDutyChannel.form(of: Self.notice(.recovered), key: "k", source: "box"))
        #expect(resolve["event_action"] as? String == "resolve" && resolve["payload"] == nil)
        #expect(resolve["dedup_key"] as? String == "caudal/sales@prod")
        var ofStage = Self.notice()
        ofStage.ruleStage = "publish"
        let own = try Self.object(PagerDutyChannel.form(of: ofStage, key: "k", source: "box"))
        #expect(own["dedup_key"] as? String == "caudal/sales@prod/publish")
    }

    @Test("Healthchecks is pinged at the address of what happened, with the run's id")
    func healthchecks() {
        let run = MessageSignature.uuid(of: "run 20261129-060000-k3f9")
        for (occasion, path) in [
            (NotificationRule.Occasion.started, "/start"), (.succeeded, ""), (.failed, "/fail"), (.cancelled, "/log"),
        ] {
            let url = HealthchecksChannel.address("https://hc/ping/abc/", for: Self.notice(occasion))
            #expect(url == "https://hc/ping/abc\(path)?rid=\(run)")
        }
        #expect(
            HealthchecksChannel.address("https://hc/a?create=1", for: Self.notice(.failed))
                == "https://hc/a/fail?create=1&rid=\(run)")
    }

    @Test("A mail has plain headers, lines that fit, and its text in base64")
    func mail() throws {
        var notice = Self.notice()
        notice.pipeline = "Umsätze 📈 für alle, mit einem langen Namen, der nicht auf eine Zeile passt"
        let mail = EmailChannel.message(notice, Self.facts, from: "caudal@example.org", to: ["a@x.org", "b@x.org"])
        let lines = mail.components(separatedBy: "\r\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 78 && !$0.contains("\n") && !$0.hasPrefix(".") })
        #expect(lines.contains("To: a@x.org, b@x.org"))
        #expect(lines.contains("Date: Sun, 29 Nov 2026 06:00:00 +0000"))
        #expect(lines.contains("Message-ID: <\(Self.facts.id)@example.org>"))
        #expect(lines.contains { $0.hasPrefix("Subject: =?utf-8?B?") })
        let body = try #require(mail.components(separatedBy: "\r\n\r\n").last)
        let data = try #require(Data(base64Encoded: body, options: .ignoreUnknownCharacters))
        #expect(String(decoding: data, as: UTF8.self) == NoticeText(notice).plain)
        #expect(EmailChannel.encodedWords("plain words") == "plain words")
        for odd in ["a b@x", "a@x\r\nBcc: c@x", "nobody", "<a@x>"] {
            #expect(throws: Failure.self) {
                _ = try EmailChannel.dispatch(notice, Self.facts, ["from": "a@x", "to": odd, "server": "smtp://m"])
            }
        }
    }

    @Test("Settings of curl are quoted, and what would break out of them is refused")
    func settings() {
        var transfer = CurlTransfer(url: "https://x/\"\\y", body: "b")
        transfer.headers = [.init(name: "A", value: "say \"hi\"")]
        let text = transfer.settings(bodyFile: "/tmp/o\"dd")
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.contains(#"url = "https://x/\"\\y""#))
        #expect(lines.contains(#"header = "A: say \"hi\"""#))
        #expect(lines.contains(#"data-binary = "@/tmp/o\"dd""#))
        #expect(lines.contains(#"write-out = "\n%{response_code}""#))
        #expect(transfer.fault == nil)
        for url in ["file:///etc/passwd", "https://x y", "https://x\nurl = y", "", "scp://x"] {
            #expect(CurlTransfer(url: url, body: "").fault != nil)
        }
        transfer.headers = [.init(name: "A", value: "x\r\nB: y")]
        #expect(transfer.fault != nil)
    }

    @Test("What a server answers is taken as sent, to be tried again, or refused")
    func answers() {
        let transfer = CurlTransfer(url: "https://x", body: "")
        func answer(_ exit: Int32, _ output: String, _ errors: String = "") -> CurlTransfer.Answer {
            transfer.answer(exit: .exited(exit), output: output, errors: errors)
        }
        #expect(answer(0, "ok\n200") == .sent)
        #expect(answer(0, "\n204") == .sent)
        #expect(answer(0, "no_service\n404") == .failed("the server answered 404: no_service"))
        #expect(answer(0, "\n500") == .failed("the server answered 500"))
        #expect(answer(0, "\n302") == .refused("the server answered 302; write the address that it moved to"))
        #expect(answer(0, "bad\nform\n400") == .refused("the server answered 400: bad form"))
        #expect(answer(7, "\n000", "curl: (7) Failed to connect\n") == .failed("curl: (7) Failed to connect"))
        var mail = CurlTransfer(url: "smtp://x", body: "")
        mail.mail = .init(from: "a@x", to: ["b@x"], needsTLS: true)
        #expect(mail.answer(exit: .exited(0), output: "\n250", errors: "") == .sent)
        #expect(
            mail.answer(exit: .exited(55), output: "\n450", errors: "curl: (55) busy") == .failed("curl: (55) busy"))
        #expect(mail.answer(exit: .exited(55), output: "\n550", errors: "curl: (55) no") == .refused("curl: (55) no"))
    }
}
