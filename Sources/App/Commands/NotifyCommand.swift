import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal notify`: what pipelines tell, and to whom.
struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Test notifications, send what is waiting, and list what was sent.",
        discussion: CommandHelp.paragraphs(
            """
            Runs send the notifications that 'notify' in a pipeline file asks for by themselves. What cannot be sent is
            tried again for a day: by the run that it is about, by each later run of the project, and by
            'caudal notify send'.
            """),
        subcommands: [Test.self, Send.self, List.self])

    /// `caudal notify test`.
    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Send one notification of each kind that a pipeline file asks for.",
            discussion: CommandHelp.paragraphs(
                """
                Each notification says that it is a test. An incident of PagerDuty is triggered and resolved.
                Exit status: 1 if one of them could not be sent.
                """))

        @Argument(help: .pipelineFile)
        var file: String

        @Option(name: .environment, help: .environment)
        var environment: String?

        @Flag(help: .jsonLine(for: "notification"))
        var json = false

        @OptionGroup var state: StateOptions

        private struct Line: Encodable {
            var channel: String
            var event: String
            var stage: String?
            var sent: Bool
            var failure: String?
        }

        func run() async throws {
            let loaded = try state.project.load(file, environment: environment)
            guard !loaded.pipeline.notifications.isEmpty else {
                Output.error(message: "error: \(loaded.pipeline.name) has no 'notify'; add it to \(file)")
                throw ExitStatus.invalid.code
            }
            let services = try state.services(root: loaded.pipeline.root)
            var isFine = true
            for rule in loaded.pipeline.notifications {
                for occasion in rule.occasions {
                    let failure = await services.outbox.test(rule, occasion, of: loaded.pipeline)
                    isFine = isFine && failure == nil
                    let line = Line(
                        channel: rule.channel.kind, event: occasion.rawValue, stage: rule.stage?.rawValue,
                        sent: failure == nil, failure: failure)
                    print(line)
                }
            }
            if !isFine { throw ExitStatus.failed.code }
        }

        private func print(_ line: Line) {
            if json { return Output.json(line) }
            let what = "\(line.channel)  \(line.event)" + (line.stage.map { " of \($0)" } ?? "")
            let note = line.channel == "terminal" ? "shown on the terminal of a run" : "sent"
            Output.line(plain: line.sent ? "✓ \(what)  \(note)" : "✗ \(what)  \(line.failure ?? "")")
        }
    }

    /// `caudal notify send`.
    struct Send: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "send", abstract: "Send what is waiting to be sent.",
            discussion: CommandHelp.paragraphs(
                """
                Runs do the same; this is for projects whose next run is far away, for example from cron.
                Exit status: 1 if something is still waiting.
                """))

        @Option(help: "How long to keep trying, such as 30s or 10m.")
        var wait = "5s"

        @OptionGroup var state: StateOptions

        func run() async throws {
            guard let limit = ScalarFormats.duration(wait) else {
                throw ValidationError("'\(wait)' is not a duration; write a number and a unit, such as 30s or 10m")
            }
            let services = try Output.reporting {
                try RunServices(opening: try state.existingStateFolder(), variables: state.variables)
            }
            // What runs recorded and nobody was told of becomes deliveries first.
            for lag in await services.observers.settle() {
                Output.error(message: "observer \(lag.observer) was not told everything: \(lag.reason)")
            }
            // Who calls has perhaps just corrected what was wrong.
            try Output.reporting { try services.store.makeDeliveriesDue(at: SystemClock.now.wall) }
            let problem = await services.outbox.settle(within: limit)
            await services.outbox.close()
            if let problem { try Output.reporting { throw problem } }
            let left = try Output.reporting { try services.store.deliveries(in: [.waiting], limit: 1000) }
            guard !left.isEmpty else { return Output.line("nothing is waiting") }
            for line in DeliveryText.lines(left, paint: Paint(.auto)) { Output.line(line) }
            throw ExitStatus.failed.code
        }
    }

    /// `caudal notify list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List notifications, newest first: sent, waiting and given up.")

        @Flag(help: "List only what was not sent.")
        var unsent = false

        @Option(name: .limit, help: .limit(of: "notifications"))
        var limit = 20

        @Flag(help: .jsonLine(for: "notification"))
        var json = false

        @Option(help: .color)
        var color: Paint.Choice = .auto

        @OptionGroup var state: StateOptions

        func run() async throws {
            let store = try state.openStore()
            let found = try Output.reporting {
                try store.deliveries(
                    in: unsent ? [.waiting, .givenUp] : Delivery.State.allCases, limit: limit)
            }
            if json {
                for one in found { Output.json(DeliveryText.json(one)) }
                return
            }
            if found.isEmpty { return Output.error("no notifications") }
            for line in DeliveryText.lines(found, paint: Paint(color)) { Output.line(line) }
        }
    }
}

/// Deliveries of notifications as lines.
enum DeliveryText {
    private struct Line: Encodable {
        var delivery: String
        var event: String
        var channel: String
        var receiver: String?
        var pipeline: String
        var run: String?
        var stage: String?
        var state: String
        var tries: Int
        var at: String
        var sentAt: String?
        var nextAt: String?
        var failure: String?
    }

    static func json(_ one: Delivery) -> some Encodable {
        Line(
            delivery: one.id, event: one.occasion.rawValue, channel: one.channel.kind,
            receiver: one.channel.receiver, pipeline: one.pipeline,
            run: one.run?.rawValue, stage: one.stage?.rawValue, state: one.state.rawValue, tries: one.tries,
            at: UTC.iso(one.created), sentAt: one.state == .sent ? one.done.map(UTC.iso) : nil,
            nextAt: one.state == .waiting && one.tries > 0 ? UTC.iso(one.next) : nil, failure: one.failure)
    }

    /// A table with a row for each.
    static func lines(_ deliveries: [Delivery], paint: Paint) -> [StyledText] {
        Columns.lines(
            deliveries.map { one -> [StyledText] in
                let about = "\(one.pipeline)" + (one.stage.map { "/\($0)" } ?? "")
                return [
                    mark(one, paint), "\(LocalTime.full(one.created))",
                    "\(([one.channel.kind] + [one.channel.receiver].compactMap { $0 }).joined(separator: " "))",
                    "\(one.occasion.rawValue)", "\(about)", "\(note(one))",
                ]
            })
    }

    private static func mark(_ one: Delivery, _ paint: Paint) -> StyledText {
        switch one.state {
        case .sent: paint.good("  ✓")
        case .waiting: paint.wait("  …")
        case .givenUp: paint.bad("  ✗")
        }
    }

    private static func note(_ one: Delivery) -> String {
        let tries = one.tries > 1 ? " at try \(one.tries)" : ""
        switch one.state {
        case .sent: return "sent\(tries)" + (one.done.map { ", \(LocalTime.clock($0))" } ?? "")
        case .givenUp:
            let count = one.tries == 1 ? "1 try" : "\(one.tries) tries"
            return "given up after \(count): \(one.failure ?? "")"
        case .waiting:
            if one.tries == 0 { return "not sent yet" }
            let failed = one.failure.map { "failed \(one.tries.counted("time")): \($0); " } ?? ""
            return failed + "next try \(LocalTime.clock(one.next))"
        }
    }
}
