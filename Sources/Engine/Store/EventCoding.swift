package import CaudalModel
import Foundation

/// A change as the journal stores it: its subject in columns, the rest as JSON.
package struct EventRow: Sendable, Hashable {
    package var kind: String
    package var stage: String?
    package var item: String?
    package var attempt: Int?
    /// JSON, or nil when the columns are enough.
    package var detail: String?

    package init(kind: String, stage: String? = nil, item: String? = nil, attempt: Int? = nil, detail: String? = nil) {
        self.kind = kind
        self.stage = stage
        self.item = item
        self.attempt = attempt
        self.detail = detail
    }

    private init(_ kind: String, _ unit: UnitID, _ attempt: Int? = nil, detail: String? = nil) {
        self.init(
            kind: kind, stage: unit.stage.rawValue, item: unit.item?.rawValue, attempt: attempt, detail: detail)
    }

    // MARK: - Writing

    private struct Ended: Codable { var outcome: Outcome; var reason: String? }
    private struct Marked: Codable { var outcome: Outcome; var reason: String }
    private struct Delay: Codable { var delay: Duration }
    private struct Publishing: Codable { var plan: PublishPlan; var result: AttemptResult }
    private struct Received: Codable { var command: RunCommand; var by: String }
    private struct Changed: Codable { var change: PlanChange; var by: String }
    private struct Restored: Codable { var versions: RestoredVersions; var by: String }
    private struct Reason: Codable { var reason: String }
    private struct Limited: Codable { var limit: RunLimit; var number: Int }

    /// A result as JSON; nil for a success without details.
    private static func text(of result: AttemptResult) -> String? {
        if result == .succeeded { return nil }
        // Encoded by hand for speed: a program's success without details occurs for most attempts.
        var rest = result
        (rest.exit, rest.usage, rest.duration) = (nil, nil, .zero)
        guard rest == .succeeded, case .exited(let status)? = result.exit, let usage = result.usage else {
            return JSONText.encoded(result)
        }
        return """
            {"artifacts":[],"checks":[],"duration":\(result.duration.milliseconds),"ending":"succeeded",\
            "exit":{"exited":{"_0":\(status)}},"lastLines":[],"notes":[],"reads":[],\
            "usage":{"peakMemory":\(usage.peakMemory),"system":\(usage.system.milliseconds),\
            "user":\(usage.user.milliseconds)}}
            """
    }

    /// Encodes a change.
    package init(_ change: RunChange) {
        switch change {
        case .runStarted(let process): self.init(kind: "run_started", detail: JSONText.encoded(process))
        case .runResumed(let process): self.init(kind: "run_resumed", detail: JSONText.encoded(process))
        case .planChanged(let change, let by):
            self.init(kind: "plan_changed", detail: JSONText.encoded(Changed(change: change, by: by)))
        case .commandReceived(let command, let by):
            self.init(kind: "command_received", detail: JSONText.encoded(Received(command: command, by: by)))
        case .limitSet(let limit, let number):
            self.init(kind: "limit_set", detail: JSONText.encoded(Limited(limit: limit, number: number)))
        case .paused: self.init(kind: "paused")
        case .unpaused: self.init(kind: "unpaused")
        case .unitQueued(let id): self.init("queued", id)
        case .unitHeld(let id, let reason): self.init("held", id, detail: JSONText.encoded(Reason(reason: reason)))
        case .attemptStarted(let id, let number): self.init("attempt_started", id, number)
        case .attemptSpawned(let id, let number, .job(let kind, let job, let machine)):
            self.init(
                "attempt_spawned", id, number,
                detail: JSONText.encoded(WorkIdentity.job(kind: kind, id: job, at: machine)))
        case .attemptSpawned(let id, let number, .process(let process)):
            // Written by hand: it is there once for each attempt of a program.
            let detail =
                "{\"bootID\":\(JSONText.quoted(process.bootID)),\"pid\":\(process.pid),\"startTicks\":\(process.startTicks)}"
            self.init("attempt_spawned", id, number, detail: detail)
        case .progressed(let id, let number, let progress):
            self.init("progress", id, number, detail: JSONText.encoded(progress))
        case .stopRequested(let id, let number, let reason):
            self.init("stop_requested", id, number, detail: JSONText.encoded(Reason(reason: reason.rawValue)))
        case .publishing(let id, let number, let plan, let result):
            self.init("publishing", id, number, detail: JSONText.encoded(Publishing(plan: plan, result: result)))
        case .attemptEnded(let id, let number, let result):
            self.init("attempt_ended", id, number, detail: Self.text(of: result))
        case .itemsFound(let id, let items): self.init("items_found", UnitID(id), detail: JSONText.encoded(items))
        case .retryScheduled(let id, let delay):
            self.init("retry_scheduled", id, detail: JSONText.encoded(Delay(delay: delay)))
        case .unitEnded(let id, .succeeded, reason: nil): self.init("ended", id)
        case .unitEnded(let id, let outcome, let reason):
            self.init("ended", id, detail: JSONText.encoded(Ended(outcome: outcome, reason: reason)))
        case .unitMarked(let id, let outcome, let reason):
            self.init("marked", id, detail: JSONText.encoded(Marked(outcome: outcome, reason: reason)))
        case .unitReset(let id): self.init("reset", id)
        case .stageReopened(let id): self.init("reopened", UnitID(id))
        case .runEnded(let outcome): self.init(kind: "run_ended", detail: JSONText.encoded(Ended(outcome: outcome)))
        case .restored(let versions, let by):
            self.init(kind: "restored", detail: JSONText.encoded(Restored(versions: versions, by: by)))
        }
    }

    // MARK: - Reading

    private func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(type, from: Data((detail ?? "{}").utf8))
    }

    /// Decodes the change; nil for a kind that only a newer version of Caudal knows.
    ///
    /// - Throws: A decoding error when the row is damaged.
    package func change() throws -> RunChange? {
        let id = UnitID(StageID(stage ?? ""), item.map { ItemKey($0) })
        let number = attempt ?? 0
        switch kind {
        case "run_started": return .runStarted(try value(ProcessIdentity.self))
        case "run_resumed": return .runResumed(try value(ProcessIdentity.self))
        case "plan_changed":
            let changed = try value(Changed.self)
            return .planChanged(changed.change, by: changed.by)
        case "command_received":
            let received = try value(Received.self)
            return .commandReceived(received.command, by: received.by)
        case "limit_set":
            let limited = try value(Limited.self)
            return .limitSet(limited.limit, limited.number)
        case "paused": return .paused
        case "unpaused": return .unpaused
        case "queued": return .unitQueued(id)
        case "held": return .unitHeld(id, reason: try value(Reason.self).reason)
        case "attempt_started": return .attemptStarted(id, attempt: number)
        case "attempt_spawned": return .attemptSpawned(id, attempt: number, try value(WorkIdentity.self))
        case "progress": return .progressed(id, attempt: number, try value(Progress.self))
        case "stop_requested":
            let reason = StopReason(rawValue: try value(Reason.self).reason) ?? .cancelled
            return .stopRequested(id, attempt: number, reason)
        case "publishing":
            let publishing = try value(Publishing.self)
            return .publishing(id, attempt: number, publishing.plan, publishing.result)
        case "attempt_ended":
            return .attemptEnded(id, attempt: number, detail == nil ? .succeeded : try value(AttemptResult.self))
        case "items_found": return .itemsFound(id.stage, try value([Item].self))
        case "retry_scheduled": return .retryScheduled(id, delay: try value(Delay.self).delay)
        case "ended":
            guard detail != nil else { return .unitEnded(id, .succeeded, reason: nil) }
            let ended = try value(Ended.self)
            return .unitEnded(id, ended.outcome, reason: ended.reason)
        case "marked":
            let marked = try value(Marked.self)
            return .unitMarked(id, marked.outcome, reason: marked.reason)
        case "reset": return .unitReset(id)
        case "reopened": return .stageReopened(id.stage)
        case "run_ended": return .runEnded(try value(Ended.self).outcome)
        case "restored":
            let restored = try value(Restored.self)
            return .restored(restored.versions, by: restored.by)
        default: return nil
        }
    }
}

extension RunEvent {
    /// The event as one line of JSON, for other programs.
    package func jsonLine(run: RunID) -> String {
        let row = EventRow(change)
        var text = "{\"seq\":\(sequence),\"time\":\"\(UTC.iso(time.wall))\",\"run\":\(JSONText.quoted(run.rawValue))"
        text += ",\"kind\":\"\(row.kind)\""
        if let stage = row.stage { text += ",\"stage\":\(JSONText.quoted(stage))" }
        if let item = row.item { text += ",\"item\":\(JSONText.quoted(item))" }
        if let attempt = row.attempt { text += ",\"attempt\":\(attempt)" }
        if let detail = row.detail { text += ",\"detail\":\(detail)" }
        return text + "}"
    }
}
