import CaudalModel
import ArgumentParser
import Engine

/// `caudal export`: a run for other programs.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a run for other programs or machines: as a trace, lineage, figures or a bundle.",
        discussion: CommandHelp.paragraphs(
            """
            otlp is a trace in OTLP/JSON (OpenTelemetry), openlineage has one event a line, openmetrics is read by Prometheus.
            The same run has the same ids each time. With --send, the run goes to the server that OTEL_EXPORTER_OTLP_ENDPOINT
            or OPENLINEAGE_URL names; runs do that by themselves when they end.

            --bundle writes the run's journal, log, pipeline file and SQL into one file: 'caudal replay FILE' shows it on any
            machine. Secrets are masked in it; samples of failing rows and what programs printed are in it.
            """))

    @Argument(help: .run)
    var run: String = "last"

    @Option(help: "otlp, openlineage or openmetrics.")
    var format: ExportFormat?

    @Flag(help: "Write a file that 'caudal replay' shows on any machine.")
    var bundle = false

    @Option(
        name: [.short, .long],
        help: "Write to this file (default: standard output; with --bundle: PIPELINE-RUN.caudal).")
    var output: String?

    @Flag(help: "Send the run to the server that the environment names.")
    var send = false

    @OptionGroup var state: StateOptions

    func validate() throws {
        if bundle == (format != nil) { throw ValidationError("give either --format or --bundle") }
        if send, bundle { throw ValidationError("--send needs --format") }
        if send, output != nil { throw ValidationError("--send and --output cannot be given together") }
    }

    func run() async throws {
        let store = try state.openStore()
        let exported = try Output.reporting { try ExportedRun(try store.find(run), in: store) }
        guard let format else { return try writeBundle(exported.state, store) }
        if send { return try await send(exported, format, store) }
        let text = exported.text(in: format, names: ExportNames(state.variables))
        guard let output else { return format == .openmetrics ? Output.document(text) : Output.json(text) }
        let path = PathText.absolute(output, in: state.project.currentFolder)
        try Output.reporting { try FileText.publish(text, at: path) }
        Output.error("wrote run \(exported.state.id) to \(output)")
    }

    private func writeBundle(_ run: RunState, _ store: RunStore) throws {
        let name = output ?? "\(PathComponent.of(run.plan.pipeline))-\(run.id).caudal"
        let path = PathText.absolute(name, in: state.project.currentFolder)
        try Output.reporting { try RunBundle.write(run.id, of: store, to: path, masking: masker(of: run, store)) }
        Output.line("wrote run \(run.id) to \(name); show it with: caudal replay \(name)")
    }

    /// A masker for the secrets of the run's own version of the pipeline file; nil where they cannot be found out.
    private func masker(of run: RunState, _ store: RunStore) -> SecretMasker? {
        let folder = store.folder.run(run.id)
        do {
            let loaded = try PipelineLoader(variables: state.variables).load(
                run.plan.file, environment: run.plan.environment, root: run.plan.root,
                kept: folder.keptPipeline(of: run.plan))
            return loaded.masker(parameters: try folder.filled(run.plan.parameters))
        } catch {
            Output.error(
                "caudal: the pipeline of run \(run.id) cannot be read any more, so that secrets in it cannot be masked: the "
                    + "bundle is without its file, schemas, SQL and the definitions of stages: \(Output.oneLine(error))"
            )
            return nil
        }
    }

    private func send(_ run: ExportedRun, _ format: ExportFormat, _ store: RunStore) async throws {
        let targets = ExportTarget.all(state.variables).filter { $0.format == format }
        guard !targets.isEmpty else {
            Output.error("error: the environment names no place for \(format.rawValue)")
            Output.error("  set \(Self.variables(format))")
            throw ExitStatus.failed.code
        }
        let sender = ExportSender(store, reactor: ProcessReactor(), variables: state.variables)
        try await Output.reporting { for target in targets { try await sender.send(run, to: target) } }
        Output.error("sent run \(run.state.id)")
    }

    private static func variables(_ format: ExportFormat) -> String {
        switch format {
        case .otlp: "OTEL_EXPORTER_OTLP_ENDPOINT or CAUDAL_OTLP_FILE"
        case .openlineage: "OPENLINEAGE_URL or CAUDAL_OPENLINEAGE_FILE"
        case .openmetrics: "CAUDAL_METRICS_FILE"
        }
    }
}

extension ExportFormat: ExpressibleByArgument {}

/// `caudal metrics`: the figures of all pipelines.
struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Print the figures of all pipelines for Prometheus, as OpenMetrics.",
        discussion: CommandHelp.paragraphs(
            """
            For node_exporter's textfile collector, write them to a file that ends in .prom, or set CAUDAL_METRICS_FILE to
            have that done after each run.
            """))

    /// The forms of the text.
    enum Form: String, CaseIterable, ExpressibleByArgument { case openmetrics, prometheus }

    @Option(help: "The form (default: prometheus for an --output that ends in .prom, otherwise openmetrics).")
    var format: Form?

    @Option(name: [.short, .long], help: "Replace this file instead of printing.")
    var output: String?

    @OptionGroup var state: StateOptions

    func run() async throws {
        let store = try state.openStore()
        let families = try Output.reporting { try MetricsSnapshot(of: store).families }
        let form = format ?? (output?.hasSuffix(".prom") == true ? .prometheus : .openmetrics)
        let text = form == .prometheus ? MetricsText.prometheus(families) : MetricsText.openMetrics(families)
        guard let output else { return Output.document(text) }
        let path = PathText.absolute(output, in: state.project.currentFolder)
        try Output.reporting { try FileText.publish(text, at: path) }
    }
}
