import CaudalModel
import Foundation

/// A place to which runs are handed by themselves.
package enum ExportTarget: Sendable, Hashable {
    /// A server with the headers that it wants.
    package struct Server: Sendable, Hashable {
        var url: String
        var headers: [Header] = []

        struct Header: Sendable, Hashable {
            var name: String
            var value: String
        }
    }

    /// A file that is replaced after each run, with the figures of the whole project.
    case metricsFile(String)
    /// A file that a line is added to for each run.
    case traceFile(String)
    case traces(Server)
    /// A file that a line is added to for each event.
    case lineageFile(String)
    case lineage(Server)

    /// The name of its observer.
    var name: String {
        switch self {
        case .metricsFile: "metrics-file"
        case .traceFile: "otlp-file"
        case .traces: "otlp"
        case .lineageFile: "openlineage-file"
        case .lineage: "openlineage"
        }
    }

    /// What it is handed.
    package var format: ExportFormat {
        switch self {
        case .metricsFile: .openmetrics
        case .traceFile, .traces: .otlp
        case .lineageFile, .lineage: .openlineage
        }
    }

    /// The targets that environment variables name, by the names that OpenTelemetry and OpenLineage gave them.
    package static func all(_ variables: [String: String]) -> [ExportTarget] {
        func value(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
        let traces = traceServer(value)
        let lineage = lineageServer(value)
        return [
            value("CAUDAL_METRICS_FILE").map { .metricsFile($0) }, value("CAUDAL_OTLP_FILE").map { .traceFile($0) },
            traces.map { .traces($0) }, value("CAUDAL_OPENLINEAGE_FILE").map { .lineageFile($0) },
            lineage.map { .lineage($0) },
        ].compactMap(\.self)
    }

    private static func traceServer(_ value: (String) -> String?) -> Server? {
        let isOff = value("OTEL_SDK_DISABLED")?.lowercased() == "true" || value("OTEL_TRACES_EXPORTER") == "none"
        // Caudal speaks HTTP; a server for gRPC would not understand it.
        let way = value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? value("OTEL_EXPORTER_OTLP_PROTOCOL")
        if isOff || way == "grpc" { return nil }
        let own = value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        let general = value("OTEL_EXPORTER_OTLP_ENDPOINT").map { joined($0, "v1/traces") }
        guard let url = own ?? general else { return nil }
        var server = Server(url: url)
        let headers = value("OTEL_EXPORTER_OTLP_TRACES_HEADERS") ?? value("OTEL_EXPORTER_OTLP_HEADERS") ?? ""
        for pair in headers.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
            guard parts.count == 2 else { continue }
            server.headers.append(
                Server.Header(name: parts[0], value: parts[1].removingPercentEncoding ?? parts[1]))
        }
        return server
    }

    private static func lineageServer(_ value: (String) -> String?) -> Server? {
        guard let url = value("OPENLINEAGE_URL"), value("OPENLINEAGE_DISABLED")?.lowercased() != "true" else {
            return nil
        }
        var server = Server(url: joined(url, value("OPENLINEAGE_ENDPOINT") ?? "api/v1/lineage"))
        if let key = value("OPENLINEAGE_API_KEY") {
            server.headers.append(Server.Header(name: "Authorization", value: "Bearer \(key)"))
        }
        return server
    }

    private static func joined(_ base: String, _ path: String) -> String {
        let base = base.hasSuffix("/") ? String(base.dropLast()) : base
        return base + "/" + path.drop { $0 == "/" }
    }
}
