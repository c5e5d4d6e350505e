package import CaudalModel
import Foundation
import Synchronization

/// Hands runs to the targets that environment variables name.
package struct ExportSender: Sendable {
    private let store: RunStore
    private let reactor: ProcessReactor
    private let variables: [String: String]
    private let names: ExportNames

    /// As many transfers as one `curl` makes.
    private static let transferLimit = 100

    package init(_ store: RunStore, reactor: ProcessReactor, variables: [String: String]) {
        self.store = store
        self.reactor = reactor
        self.variables = variables
        names = ExportNames(variables)
    }

    /// Hands a run to a target.
    ///
    /// - Parameter sinceLastEnd: Whether it was handed over when it ended before, so that only what came then is new.
    /// - Throws: ``Failure`` when the target does not take it, ``StoreError`` when the store cannot be read.
    package func send(_ run: ExportedRun, to target: ExportTarget, sinceLastEnd: Bool = false) async throws {
        let since = sinceLastEnd ? run.endedBefore : nil
        switch target {
        case .metricsFile(let path): try writeMetrics(to: absolute(path, run))
        case .traceFile(let path):
            let request = OTLPTrace(run, names: names, since: since).request
            try FileText.append(line: request.text, to: absolute(path, run))
        case .lineageFile(let path):
            let events = OpenLineageEvents(run, names: names, since: since).events
            try FileText.append(line: events.map(\.text).joined(separator: "\n"), to: absolute(path, run))
        case .traces(let server):
            try await post(OTLPTrace(run, names: names, since: since).requests, to: server, run)
        case .lineage(let server):
            try await post(OpenLineageEvents(run, names: names, since: since).events, to: server, run)
        }
    }

    private func absolute(_ path: String, _ run: ExportedRun) -> String {
        PathText.absolute(path, in: run.state.plan.root)
    }

    /// Writes the figures of the project; a name that ends in `.prom` gets what node_exporter's collector reads.
    private func writeMetrics(to path: String) throws {
        let families = try MetricsSnapshot(of: store).families
        try FileText.publish(
            path.hasSuffix(".prom") ? MetricsText.prometheus(families) : MetricsText.openMetrics(families), at: path)
    }

    private func post(
        _ bodies: [JSONValue], to server: ExportTarget.Server, _ run: ExportedRun
    ) async throws {
        let transfers = bodies.map { body in
            var transfer = CurlTransfer(url: server.url, body: body.text)
            transfer.headers = [CurlTransfer.Header(name: "Content-Type", value: "application/json")]
            transfer.headers += server.headers.map { CurlTransfer.Header(name: $0.name, value: $0.value) }
            return transfer
        }
        let curl = CurlRun(folder: store.folder, reactor: reactor, variables: variables)
        for start in stride(from: 0, to: transfers.count, by: Self.transferLimit) {
            let part = Array(transfers[start..<min(start + Self.transferLimit, transfers.count)])
            switch try await curl.make(part, marker: "export/\(run.state.id)") {
            case .sent: continue
            case .failed(let reason), .refused(let reason): throw Failure(masked(reason, server))
            }
        }
    }

    /// A reason without what is secret of a server's headers.
    private func masked(_ reason: String, _ server: ExportTarget.Server) -> String {
        let secrets = server.headers.map(\.value) + SecretNames().secrets(in: variables)
        return SecretMasker(secrets: secrets).masked(reason)
    }
}

/// Hands each run to a target when it ends.
package struct ExportObserver: RunObserver {
    private let target: ExportTarget
    private let store: RunStore
    private let sender: ExportSender
    private let now: @Sendable () -> Moment
    private let written = LastWrite()

    /// Runs that ended longer ago are not sent by themselves any more.
    private static let patience = Duration.seconds(86_400)

    /// When figures were last written by this process, in milliseconds since 1970.
    private final class LastWrite: Sendable {
        let time = Mutex<Int64?>(nil)
    }

    /// An observer for each target that variables name.
    static func all(
        _ store: RunStore, reactor: ProcessReactor, variables: [String: String], now: @escaping @Sendable () -> Moment
    ) -> [ExportObserver] {
        let sender = ExportSender(store, reactor: reactor, variables: variables)
        return ExportTarget.all(variables).map {
            ExportObserver(target: $0, store: store, sender: sender, now: now)
        }
    }

    private init(
        target: ExportTarget, store: RunStore, sender: ExportSender, now: @escaping @Sendable () -> Moment
    ) {
        (self.target, self.store, self.sender, self.now) = (target, store, sender, now)
    }

    package var name: String { target.name }

    package var kinds: Set<String>? { ["run_ended"] }

    package func wants(_ change: RunChange) -> Bool { if case .runEnded = change { true } else { false } }

    package func take(_ event: ObservedEvent, _ notes: inout ObserverNotes) async throws {
        let (time, began) = (event.event.time.wall, now().wall)
        if began - time > Self.patience.milliseconds { return }
        if case .metricsFile = target {
            // What is written has everything that was recorded before.
            if let last = written.time.withLock({ $0 }), last > time { return }
        }
        let events = try store.events(of: event.run.id).filter { $0.sequence <= event.event.sequence }
        let state = RunState(id: event.run.id, plan: try store.plan(of: event.run.id), events: events)
        try await sender.send(ExportedRun(state, events: events), to: target, sinceLastEnd: true)
        written.time.withLock { $0 = began }
    }
}
