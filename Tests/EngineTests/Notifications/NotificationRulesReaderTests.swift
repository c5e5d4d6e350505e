import CaudalModel
import TestSupport
import Testing

@testable import Engine

@Suite("Reading whom to notify")
struct NotificationRulesReaderTests {
    /// What is read of `notify:`, and what is told of it, with places from the line behind it.
    private static func read(_ lines: String, stage: StageID? = nil) throws -> (
        rules: [NotificationRule], told: [String]
    ) {
        let problems = ConfigProblems()
        let node = try #require(ConfigSource(file: "p.yaml", text: "notify:\n" + lines).read(problems))
        let rules = NotificationRulesReader.read(node[key: "notify"]?.elements ?? [], stage, problems)
        return (rules, problems.errors.map { String($0.oneLine.dropFirst("p.yaml:".count)) })
    }

    @Test("Every channel is read, in its short and its long form")
    func everything() throws {
        let (rules, told) = try Self.read(
            """
              - {on: [failed, recovered], webhook: https://example.org/hook, renotify: 1h}
              - {on: failed, webhook: {url: "${env.HOOK}", secret: "${env.HOOK_SECRET}"}, renotify: never}
              - {slack: "${env.SLACK_URL}", teams: {url: "${env.TEAMS_URL}"}}
              - {on: late, pagerduty: {routing_key: "${env.PD}", url: https://events.eu.pagerduty.com/v2/enqueue}}
              - healthchecks: ${env.HC}
              - email: {to: [a@example.org, "${params.who}"], from: c@example.org, server: smtp://mail, user: me, password: "${env.P}", tls: none}
              - {command: "./tell.sh ${params.day}", file: notices.jsonl, terminal: osc9}
            """)
        #expect(told == [])
        #expect(
            rules.map(\.channel.kind) == [
                "webhook", "webhook", "slack", "teams", "pagerduty", "healthchecks", "email", "email", "command",
                "file", "terminal",
            ])
        #expect(rules[0].occasions == [.failed, .recovered] && rules[0].renotify == .seconds(3600))
        #expect(rules[1].channel.settings == ["url": "${env.HOOK}", "secret": "${env.HOOK_SECRET}"])
        #expect(rules[1].renotify == nil)
        #expect(rules[2].occasions == [.failed, .recovered] && rules[2].renotify == .seconds(4 * 3600))
        #expect(rules[4].channel.settings["routing_key"] == "${env.PD}")
        #expect(rules[5].occasions == [.started, .succeeded, .failed])
        #expect(rules[6].channel.settings["to"] == "a@example.org,${params.who}")
        #expect(rules[8].channel.settings == ["run": "./tell.sh ${params.day}"])
        #expect(rules[10].channel.settings == ["form": "osc9"])
    }

    @Test("A stage's rules know their stage")
    func ofStages() throws {
        let (rules, told) = try Self.read("  {on: failed, file: x}", stage: "load")
        #expect(told == [] && rules.map(\.stage) == ["load"])
    }

    @Test(
        "What does not fit is told with its place",
        arguments: [
            (
                "  - {on: failed}",
                "2:5: error: a notification needs 'webhook', 'slack', 'teams', 'pagerduty', 'healthchecks', 'email', 'command', 'file' or 'terminal'"
            ),
            (
                "  - {on: [faild], file: x}",
                "2:11: error: 'on' must hold failed, recovered, succeeded, late, missed, retrying, check_warned, started or cancelled, not 'faild'; did you mean 'failed'?"
            ),
            ("  - {on: [], file: x}", "2:10: error: 'on' must not be empty"),
            (
                "  - {slack: https://hooks.slack.com/x}",
                "2:13: error: 'slack' is a secret and must not be written in the file; write \"${env.SLACK_URL}\" and set the variable, or put it in .env"
            ),
            (
                "  - {pagerduty: abc}",
                "2:17: error: 'pagerduty' is a secret and must not be written in the file; write \"${env.PAGERDUTY_KEY}\" and set the variable, or put it in .env"
            ),
            (
                "  - {webhook: {url: https://x, secret: abc}}",
                "2:40: error: 'secret' is a secret and must not be written in the file; write \"${env.WEBHOOK_SECRET}\" and set the variable, or put it in .env"
            ),
            (
                "  - {webhook: ftp://x}",
                "2:15: error: 'webhook' must be an address, not 'ftp://x'; write one that begins with https://"
            ),
            ("  - {webhook: {secret: \"${env.S}\"}}", "2:15: error: 'webhook' needs 'url'"),
            (
                "  - {webhook: {url: https://x, key: a}}",
                "2:32: error: 'webhook' has no key 'key'; there is secret, url"
            ),
            (
                "  - {on: started, pagerduty: \"${env.P}\"}",
                "2:10: error: 'pagerduty' cannot tell that something is 'started'; it tells failed, recovered, late, missed and check_warned"
            ),
            (
                "  - {on: missed, command: 'tell ${params.day}'}",
                "2:28: error: '${params.day}' is not known for 'missed', which may have no run; use a variable, or make a notification of its own for 'missed'"
            ),
            ("  - {email: a@x}", "2:13: error: 'email' must be a mapping with 'to', 'from' and 'server', not 'a@x'"),
            (
                "  - {email: {to: [a@x, nobody], from: b@x, server: smtp://m}}",
                "2:14: error: 'nobody' is not a mail address; write it as name@example.org"
            ),
            (
                "  - {email: {to: a@x, from: \"B <b@x>\", server: smtp://m}}",
                "2:23: error: 'B <b@x>' is not a mail address; write it as name@example.org"
            ),
            (
                "  - {email: {to: a@x, from: b@x, server: mail}}",
                "2:42: error: 'email' must be an address, not 'mail'; write one that begins with smtps://"
            ),
            (
                "  - {email: {to: a@x, from: b@x, server: smtp://m, password: \"${env.P}\"}}",
                "2:52: error: 'password' needs 'user'"
            ),
            ("  - {terminal: boop}", "2:16: error: 'terminal' must be bell, osc9 or osc777, not 'boop'"),
            (
                "  - {file: x, renotify: 4}",
                "2:25: error: 'renotify' must be a duration, not '4'; add a unit, such as 4s or 4m"
            ),
            ("  - {file: x, channel: y}", "2:15: error: a notification has no key 'channel'"),
        ])
    func faults(lines: String, expected: String) throws {
        let told = try Self.read(lines).told
        #expect(told.count == 1)
        #expect(told.first?.hasPrefix(expected) == true, "\(told)")
    }

    @Test("A stage has no slots")
    func slots() throws {
        let told = try Self.read("  - {on: late, file: x}", stage: "a").told
        #expect(told == ["2:10: error: a stage cannot be 'late'; put it into 'notify' of the pipeline"])
    }
}
