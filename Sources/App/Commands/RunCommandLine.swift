import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal run`: runs a pipeline.
struct RunCommandLine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a pipeline, in the dashboard or, without a terminal, printing lines.")

    @Argument(help: .pipelineFile)
    var file: String

    @Option(name: .environment, help: .environment)
    var environment: String?

    @Option(name: [.customLong("param"), .short], help: "Set a parameter, as name=value; may be repeated.")
    var parameters: [String] = []

    @OptionGroup var selection: SelectOptions

    @Flag(
        inversion: .prefixedNo, exclusivity: .exclusive,
        help:
            "Reuse earlier successes of stages whose definition and inputs are unchanged (default: as the pipeline file says)."
    )
    var reuse: Bool?

    @Flag(help: "Let stages that add to their outputs ('mode: append' and 'mode: merge') make them anew, of all rows.")
    var fullRefresh = false

    @OptionGroup var overlap: OverlapOptions

    @Flag(help: "Show what would run, without running or changing anything.")
    var dryRun = false

    @Flag(
        help:
            "Run in a process of its own, which goes on when the terminal closes; the dashboard, if there is one, watches it."
    )
    var detach = false

    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        guard detach else { return try await prepare()?.run() ?? () }
        try show.checkSettings()
        let loaded = try state.project.load(file, environment: environment)
        try await DetachedRun(state: state, show: show).begin(root: loaded.pipeline.root)
    }

    func validate() throws {
        if detach, dryRun { throw ValidationError("--dry-run runs nothing, so that there is nothing to detach") }
    }

    /// Checks everything that can be checked before anything runs, and opens the run; returns nil in a dry run.
    func prepare() async throws -> SessionRunner? {
        try show.checkSettings()
        let loaded = try state.project.load(file, environment: environment)
        for warning in loaded.warnings { Output.error(message: warning.oneLine) }
        if dryRun {
            try await state.withReadOnlyServices(root: loaded.pipeline.root) { services in
                let (plan, files) = try await examinedPlan(loaded, services)
                try await explain(loaded, plan, reading: files, services)
            }
            return nil
        }
        let services = try state.services(root: loaded.pipeline.root)
        let (plan, _) = try await examinedPlan(loaded, services)
        let session = try await Output.reporting {
            try await RunSession.start(
                loaded, plan: plan, in: services, overlap: overlap.choice,
                onWait: OverlapOptions.waitReporter(root: loaded.pipeline.root))
        }
        return SessionRunner(session: session, options: show, services: services)
    }

    /// The plan, after all checks have passed, and the files that it reads of stages that take no part.
    private func examinedPlan(
        _ loaded: LoadedPipeline, _ services: RunServices
    ) async throws -> (RunPlan, [EarlierFile]) {
        try await Output.reporting {
            let plan = try makePlan(loaded, services)
            let examination = services.examination(of: loaded, plan: plan)
            for warning in try await examination.check(Set(plan.stages.map(\.id)), needsServers: true) {
                Output.error(message: warning.oneLine)
            }
            return (plan, examination.earlierFiles.all)
        }
    }

    private func makePlan(_ loaded: LoadedPipeline, _ services: RunServices) throws -> RunPlan {
        let given = try NameValueArguments.parameters(parameters, of: loaded.pipeline)
        let selected = try selection.stages(of: loaded.pipeline)
        if selected?.isEmpty == true { throw ValidationError("--select and --exclude leave no stage to run") }
        var request = RunRequest(
            parameters: given, selection: selection.select, exclusion: selection.exclude, reuse: reuse)
        request.refreshesAll = fullRefresh
        let planner = Planner(loaded, request: request, now: services.now(), machine: MachineResources.total)
        return try services.store.withUsualDurations(try planner.plan(selected: selected), of: loaded)
    }

    private func explain(
        _ loaded: LoadedPipeline, _ plan: RunPlan, reading files: [EarlierFile], _ services: RunServices
    ) async throws {
        let outlook = try await Output.reporting { try await services.reuseOutlook(of: loaded, plan: plan) }
        let preview = CommandPreview(
            starting: plan, outlook: outlook, files: OutputFiles.finder(in: plan.root), now: services.now())
        if show.json {
            var json = PreviewJSON(preview, of: plan, loaded)
            json.reads = files.map { PreviewJSON.Read($0, root: plan.root, now: services.now().wall) }
            return json.print(masker: loaded.masker(parameters: plan.parameters))
        }
        Output.line(
            "\(plan.pipeline): \(plan.stages.count.counted("stage")), \(plan.maxParallel) at once; \(PreviewText.dryRunNote)"
        )
        for line in PreviewText.lines(preview) { Output.line(line.painted(Paint(show.color))) }
        for file in files {
            Output.line("reads \(file.words(root: plan.root, now: services.now().wall))")
        }
    }
}
