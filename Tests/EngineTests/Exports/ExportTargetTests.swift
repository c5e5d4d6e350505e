import CaudalModel
import Testing

@testable import Engine

@Suite("Where runs are exported to")
struct ExportTargetTests {
    @Test(
        "Variables name the places, as OpenTelemetry and OpenLineage define them",
        arguments: [
            (["CAUDAL_METRICS_FILE": "m.prom"], ["metrics-file"]), ([:], []), (["CAUDAL_METRICS_FILE": ""], []),
            (["CAUDAL_OTLP_FILE": "t", "CAUDAL_OPENLINEAGE_FILE": "l"], ["otlp-file", "openlineage-file"]),
            (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"], ["otlp http://c:4318/v1/traces"]),
            (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"], ["otlp http://c:4318/v1/traces"]),
            (
                ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"],
                ["otlp http://t/x"]
            ),
            (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"], []),
            (
                ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"],
                ["otlp http://c/v1/traces"]
            ),
            (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"], []),
            (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"], []),
            (["OPENLINEAGE_URL": "http://m:5000"], ["openlineage http://m:5000/api/v1/lineage"]),
            (
                ["OPENLINEAGE_URL": "http://m/", "OPENLINEAGE_ENDPOINT": "/in", "OPENLINEAGE_API_KEY": "k3y"],
                ["openlineage http://m/in Authorization=Bearer k3y"]
            ), (["OPENLINEAGE_URL": "http://m", "OPENLINEAGE_DISABLED": "true"], []),
            (
                ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "a=b%20c, x-key = 1=2,bad"],
                ["otlp http://c/v1/traces a=b c x-key=1=2"]
            ),
        ] as [([String: String], [String])])
    func variables(variables: [String: String], places: [String]) {
        let found = ExportTarget.all(variables).map { target -> String in
            switch target {
            case .traces(let server), .lineage(let server):
                ([target.name, server.url] + server.headers.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
            case .metricsFile, .traceFile, .lineageFile: target.name
            }
        }
        #expect(found == places)
    }
}
