import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A project whose pipeline tells servers of the test what happens.
private struct NotifyingProject {
    let project: CaudalProject
    static let secret = "k3y-of-the-webhook"
    static let token = "t0ken-in-the-address"

    /// `notify`: the lines below `notify:`; PORT stands for the receiver's port.
    init(_ notify: String, port: Int, stages: String = usualStages, variables: [String: String] = [:]) throws {
        let own = [
            "HOOK_SECRET": Self.secret, "HOOK_URL": "http://127.0.0.1:\(port)/\(Self.token)",
            "HOOK": "http://127.0.0.1:\(port)",
        ]
        project = try CaudalProject(copying: [], variables: own.merging(variables) { $1 })
        try project.write(
            "p.yaml",
            """
            version: 1
            name: sales
            params: {day: {type: date, default: 2026-11-28}}
            notify:
            \(notify.replacing("PORT", with: String(port)))
            stages:
            \(stages)
            """)
    }

    /// A stage that fails unless there is a file `go`, and one behind it.
    static let usualStages = """
          load: {type: command, run: "test -e go || { echo row 7 is bad; exit 3; }"}
          report: {type: command, run: "true", needs: load}
        """

    func run(_ arguments: String..., variables: [String: String] = [:]) async throws -> CaudalProject.Answer {
        try await project.run(CaudalProject.program, ["run", "p.yaml", "--plain"] + arguments, variables)
    }

    /// Runs it, and sends what is to be told: on a busy machine the run does not wait until that is done.
    func runAndTell(_ arguments: String...) async throws -> CaudalProject.Answer {
        let answer = try await project.run(CaudalProject.program, ["run", "p.yaml", "--plain"] + arguments)
        try await tell()
        return answer
    }

    /// Sends what is to be told.
    func tell() async throws {
        let sent = try await project.caudal("notify", "send", "--wait", "60s")
        #expect(sent.status == 0 && sent.output == "nothing is waiting\n", "\(sent)")
    }

    /// What was sent and what was not, by event and channel, as `list` prints it.
    func states() async throws -> [String] {
        let answer = try await project.caudal("notify", "list", "--json", "--limit", "1000")
        return try answer.lines.reversed().map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            return "\(object["channel"] ?? "") \(object["event"] ?? "") \(object["state"] ?? "")"
        }
    }
}

@Suite("Notifications", .timeLimit(.minutes(15)))
struct NotificationTests {
    private static let on = "[failed, recovered, succeeded, started, cancelled, retrying, check_warned]"

    @Test("Each event arrives once, signed, after refusals, failures and silence of the server; in order")
    func once() async throws {
        let port = try NotificationReceiver.freePort()
        let notifying = try NotifyingProject(
            """
              - {on: \(Self.on), webhook: {url: "${env.HOOK_URL}/500x1/a", secret: "${env.HOOK_SECRET}"}}
              - {on: \(Self.on), webhook: {url: "${env.HOOK_URL}/dropx1/b", secret: "${env.HOOK_SECRET}"}}
              - {on: \(Self.on), webhook: {url: "${env.HOOK_URL}/429x1/c", secret: "${env.HOOK_SECRET}"}}
              - {on: \(Self.on), webhook: {url: "${env.HOOK_URL}/d", secret: "${env.HOOK_SECRET}"}}
            """, port: port)
        let receiver = try await NotificationReceiver(
            .http, port: port,
            variables: [
                "RECEIVER_HMAC": NotifyingProject.secret, "RECEIVER_FOLDER": notifying.project.folder.path,
                "RECEIVER_SECRETS": NotifyingProject.secret + "\n" + NotifyingProject.token,
            ])
        let failed = try await notifying.run()
        #expect(failed.status == 1, "\(failed)")
        try notifying.project.write("go", "")
        #expect(try await notifying.runAndTell().status == 0)
        let entries = try receiver.entries
        for path in ["500x1/a", "dropx1/b", "429x1/c", "d"] {
            let ofPath = entries.filter { $0.path == "/\(NotifyingProject.token)/\(path)" }
            let taken = ofPath.filter { $0.status == 200 }
            #expect(
                taken.compactMap(\.event) == ["started", "failed", "started", "succeeded", "recovered"], "\(path)")
            #expect(Set(taken.compactMap(\.delivery)).count == 5)
            #expect(ofPath.count == (path == "d" ? 5 : 6), "a failure is followed by one more try")
        }
        #expect(entries.allSatisfy { $0.signature == true }, "by Python's hmac")
        #expect(entries.allSatisfy { $0.leaks == [] }, "\(entries.compactMap(\.leaks).filter { !$0.isEmpty })")
        let body = try #require(entries.first { $0.event == "failed" && $0.status == 200 }).json
        let failure = try #require(body["failure"] as? [String: Any])
        #expect((failure["message"] as? String)?.contains("exit status 3") == true)
        #expect(failure["lines"] as? [String] == ["row 7 is bad"] && body["blocks"] as? [String] == ["report"])
        #expect((body["commands"] as? [String])?.first?.hasPrefix("caudal retry 2") == true)
        // Nothing secret is kept, and no file of a transfer is left.
        let kept = try notifying.project.everythingKept()
        #expect(!kept.contains(NotifyingProject.secret) && !kept.contains(NotifyingProject.token))
        #expect(notifying.project.files(in: ".caudal/outbox") == [])
    }

    @Test("The signature is what openssl makes of the time and the body")
    func openssl() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(
            #"  - {on: failed, webhook: {url: "${env.HOOK}/x", secret: "${env.HOOK_SECRET}"}}"#, port: receiver.port)
        #expect(try await notifying.runAndTell().status == 1)
        let entry = try #require(try receiver.entries.first)
        let parts = try #require(entry.headers?["X-Caudal-Signature"]).split(separator: ",").map(String.init)
        let time = parts[0].dropFirst(2)
        try notifying.project.write("signed", "\(time).\(entry.body ?? "")")
        let answer = try await notifying.project.run(
            "/usr/bin/env", ["openssl", "dgst", "-sha256", "-hmac", NotifyingProject.secret, "signed"])
        #expect(answer.output.hasSuffix(" \(parts[1].dropFirst(3))\n"), "\(answer) \(parts)")
    }

    @Test("Only failures that no retry clears are told; the same one is told again when renotify is over")
    func retries() async throws {
        let receiver = try await NotificationReceiver(.http)
        let flaky = """
              load: {type: command, run: "test $CAUDAL_ATTEMPT -gt 1", retry: {limit: 1, delay: 0s}}
            """
        let notifying = try NotifyingProject(
            #"  - {on: [failed, retrying, succeeded], webhook: "${env.HOOK}/x"}"#, port: receiver.port, stages: flaky)
        let first = try await notifying.runAndTell()
        #expect(first.status == 0, "\(first)")
        #expect(try receiver.entries.compactMap(\.event) == ["retrying", "succeeded"])

        let other = try NotifyingProject(#"  - {on: failed, webhook: "${env.HOOK}/y"}"#, port: receiver.port)
        for _ in 0..<3 { #expect(try await other.runAndTell().status == 1) }
        #expect(try receiver.entries.filter { $0.path == "/y" }.count == 1)
        let shown = try await other.project.caudal("show", "last")
        #expect(shown.output.contains("load: this failure was seen 2 times"), "\(shown)")
        let always = try NotifyingProject(
            #"  - {on: failed, webhook: "${env.HOOK}/z", renotify: 0s}"#, port: receiver.port)
        for _ in 0..<2 { #expect(try await always.runAndTell().status == 1) }
        let told = try receiver.entries.filter { $0.path == "/z" }
        #expect(told.count == 2)
        let failure = told.last?.json["failure"] as? [String: Any]
        #expect((failure?["history"] as? String)?.hasPrefix("seen once") == true, "\(failure ?? [:])")
    }

    @Test("A server that is not there neither fails nor holds up a run; what it missed comes with the next one")
    func refusals() async throws {
        let port = try NotificationReceiver.freePort()
        let notifying = try NotifyingProject(
            #"  - {on: [started, failed, succeeded, recovered], webhook: "${env.HOOK}/x"}"#, port: port)
        #expect(try await notifying.run().status == 1)
        let unsent = try await notifying.project.caudal("notify", "send", "--wait", "1s")
        #expect(unsent.status == 1 && unsent.output.contains("Failed to connect"), "\(unsent)")
        #expect(try await notifying.states() == ["webhook started waiting", "webhook failed waiting"])
        let shown = try await notifying.project.caudal("show", "last")
        #expect(shown.output.contains("NOTIFICATIONS") && shown.output.contains("Failed to connect"), "\(shown)")

        let receiver = try await NotificationReceiver(.http, port: port)
        try await notifying.tell()
        #expect(try receiver.entries.compactMap(\.event) == ["started", "failed"])
        #expect(try await notifying.states() == ["webhook started sent", "webhook failed sent"])
    }

    @Test("What a receiver does not accept is given up, and what follows is sent")
    func refused() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(
            #"  - {on: [started, failed], webhook: "${env.HOOK}/400x1/x"}"#, port: receiver.port)
        #expect(try await notifying.runAndTell().status == 1)
        #expect(try await notifying.states() == ["webhook started given up", "webhook failed sent"])
        let doctor = try await notifying.project.caudal("doctor")
        #expect(
            doctor.output.contains("✗ notify     1 given up in the last week: webhook: the server answered 400: no"))
    }

    @Test("A run that is killed while a notification is sent leaves it to the next process, under the same id")
    func killed() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(
            #"  - {on: [started, failed], webhook: "${env.HOOK}/late600x1/x"}"#, port: receiver.port,
            stages: #"  load: {type: command, run: "sleep 30"}"#)
        let run = try await notifying.project.start("run", "p.yaml", "--plain")
        try await receiver.waits { $0.contains { $0.status == -1 } }
        await run.killHard()
        let sent = try await notifying.project.caudal("notify", "send", "--wait", "60s")
        #expect(sent.status == 0, "\(sent)")
        let entries = try receiver.entries
        #expect(Set(entries.compactMap(\.delivery)).count == 1)
        #expect(entries.filter { $0.status == 200 }.count == 1)
        #expect(try await notifying.states() == ["webhook started sent"])
        #expect(notifying.project.files(in: ".caudal/outbox") == [])
    }

    @Test("Killed again and again, runs tell each event; what was told twice has one id")
    func killedOften() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(
            #"  - {on: [started, failed], webhook: "${env.HOOK}/503x3/x", renotify: 0s}"#, port: receiver.port)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<8 {
            let run = try await notifying.project.start("run", "p.yaml", "--json")
            await run.passes(events: Int.random(in: 1...8, using: &random))
            await run.killHard()
        }
        #expect(try await notifying.run().status == 1)
        let sent = try await notifying.project.caudal("notify", "send", "--wait", "120s")
        #expect(sent.status == 0, "\(sent)")
        let taken = try receiver.entries.filter { $0.status == 200 }
        let store = try RunStore(StateFolder(path: notifying.project.folder.path(".caudal")))
        let events = try store.runs().flatMap { run in
            try store.events(of: run.id).compactMap { event -> String? in
                switch event.change {
                case .runStarted: "\(run.id)/\(event.sequence)"
                case .unitEnded(let unit, .failed, _) where unit.item == nil: "\(run.id)/\(event.sequence)"
                default: nil
                }
            }
        }
        #expect(Set(taken.compactMap { $0.json["id"] as? String }) == Set(events))
        #expect(Set(taken.compactMap(\.delivery)).count == events.count)
    }

    @Test("Runs side by side send each delivery once")
    func sideBySide() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(
            #"  - {on: [started, failed], webhook: "${env.HOOK}/503x2/x", renotify: 0s}"#, port: receiver.port)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { _ = try await notifying.run() } }
            try await group.waitForAll()
        }
        _ = try await notifying.project.caudal("notify", "send", "--wait", "60s")
        let taken = try receiver.entries.filter { $0.status == 200 }.compactMap(\.delivery)
        #expect(taken.count == 8 && Set(taken).count == 8, "\(taken.count)")
    }

    @Test("Commands and files get the notice, and values of parameters are no part of a command line")
    func commands() async throws {
        let notifying = try NotifyingProject(
            """
              - on: failed
                command: 'printf "%s|%s|%s\\n" "$CAUDAL_EVENT" "$CAUDAL_STAGE" ${params.word} > told; cp "$CAUDAL_NOTICE_FILE" told.json'
              - {on: failed, file: "notices-${params.word}.jsonl"}
            """, port: 1)
        let text = try notifying.project.read("p.yaml").replacing(
            "params: {", with: "params: {word: {type: string, default: x}, ")
        try notifying.project.write("p.yaml", text)
        #expect(try await notifying.runAndTell("--param", "word=$(touch broken);'").status == 1)
        #expect(notifying.project.text("told") == "failed|load|$(touch broken);'\n")
        #expect(!notifying.project.exists("broken"))
        #expect(notifying.project.text("told.json")?.contains("\"event\":\"failed\"") == true)
        let files = try notifying.project.names().filter { $0.hasPrefix("notices-") }
        #expect(files.count == 1)
        let lines = try notifying.project.read(try #require(files.first)).split(separator: "\n")
        #expect(lines.count == 1 && lines[0].contains("\"pipeline\":\"sales\""))
    }

    @Test("Variables of .env beside the file are known to whoever sends")
    func variableFile() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(#"  - {on: failed, slack: "${env.SLACK}"}"#, port: receiver.port)
        #expect(try await notifying.run().status == 1)
        let unsent = try await notifying.project.caudal("notify", "send", "--wait", "1s")
        #expect(unsent.output.contains("the environment variable 'SLACK' is not set"), "\(unsent)")
        try notifying.project.write(".env", "SLACK=http://127.0.0.1:\(receiver.port)/slack\n")
        try await notifying.tell()
        let entry = try #require(try receiver.entries.first)
        #expect(entry.path == "/slack" && entry.json["text"] as? String == "sales failed: load")
    }

    @Test("notify test sends one of each, and says which could not be sent")
    func test() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(
            """
              - {on: [failed, recovered, late], webhook: "${env.HOOK}/x"}
              - {healthchecks: "${env.HC}"}
              - {on: [failed, recovered], pagerduty: {routing_key: "${env.PD}", url: "${env.HOOK}/pd"}}
              - {on: failed, teams: "${env.HOOK_URL}"}
              - {on: failed, file: notices.jsonl}
              - {on: failed, webhook: "${env.HOOK}/404"}
            """, port: receiver.port,
            variables: ["PD": "r0uting", "HC": "http://127.0.0.1:\(receiver.port)/ping/abc"])
        let answer = try await notifying.project.caudal("notify", "test", "p.yaml")
        #expect(answer.status == 1)
        #expect(answer.lines.filter { $0.hasPrefix("✓") }.count == 10, "\(answer)")
        #expect(answer.lines.last == "✗ webhook  failed  the server answered 404: no")
        let entries = try receiver.entries
        #expect(entries.filter { $0.path == "/x" }.compactMap(\.event) == ["failed", "recovered", "late"])
        #expect(entries.allSatisfy { $0.path != "/x" || $0.json["test"] as? Bool == true })
        #expect(
            entries.filter { $0.path == "/pd" }.compactMap { $0.json["event_action"] as? String } == [
                "trigger", "resolve",
            ])
        let pings = entries.compactMap(\.path).filter { $0.hasPrefix("/ping") }
        #expect(pings == ["/ping/abc/start", "/ping/abc", "/ping/abc/fail"])
        #expect(notifying.project.text("notices.jsonl")?.contains("TEST: sales failed") == true)
    }

    @Test("A retry that succeeds resolves the incident, once")
    func resolves() async throws {
        let receiver = try await NotificationReceiver(.http)
        let notifying = try NotifyingProject(
            #"  - {pagerduty: {routing_key: "${env.PD}", url: "${env.HOOK}/pd"}}"#, port: receiver.port,
            variables: ["PD": "r0uting"])
        #expect(try await notifying.runAndTell().status == 1)
        try notifying.project.write("go", "")
        #expect(try await notifying.project.caudal("retry", "last", "--plain").status == 0)
        #expect(try await notifying.runAndTell().status == 0)
        let events = try receiver.entries.map(\.json)
        #expect(events.compactMap { $0["event_action"] as? String } == ["trigger", "resolve"])
        #expect(Set(events.compactMap { $0["dedup_key"] as? String }) == ["caudal/sales"])
    }
}
