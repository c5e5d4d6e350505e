import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal retry`: reruns what failed in a run.
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Rerun what failed in a run, or a stage, a stage with everything downstream, or an item.")

    @Argument(help: .run)
    var run: String

    @Argument(help: "A stage, or an item as STAGE/ITEM (default: everything that failed or was cancelled).")
    var stage: UnitArgument?

    @Flag(help: "Also rerun everything downstream of the stage or the item.")
    var downstream = false

    @Flag(help: "Rerun everything that failed or was cancelled (the default without a stage).")
    var failed = false

    @Option(
        help: "Rerun these stages: 'state:failed+', 'stage', '+stage', 'group:x'; ',' means and, ' ' means or.")
    var select: String?

    @Option(help: "Exclude these stages from --select.")
    var exclude: String?

    @OptionGroup var reopen: ReopenOptions
    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func validate() throws {
        if downstream, stage == nil { throw ValidationError("--downstream needs a stage") }
        if failed, stage != nil { throw ValidationError("--failed and a stage cannot be given together") }
        if select != nil, stage != nil || failed {
            throw ValidationError("--select cannot be given with a stage or with --failed")
        }
        if exclude != nil, select == nil { throw ValidationError("--exclude needs --select") }
        if reopen.changed, stage != nil || select != nil {
            throw ValidationError("--changed cannot be given with a stage or with --select")
        }
    }

    func run() async throws {
        let target = try RunTarget.find(run, state)
        let isDone = try await target.confirmAndSend(named: named, reopen, show, state) {
            try self.command(for: $0, $0.plan)
        }
        if isDone { return }
        let found = try ReopenedRun.find(run, reopen, state)
        let command = try command(for: found.state, found.plan)
        try await found.carryOut(command, named: named, reopen, show)
    }

    /// The stage that the user named, which needs no confirmation.
    private var named: StageID? { stage?.unit.stage }

    private func command(for state: RunState, _ plan: RunPlan) throws -> RunCommand {
        if let select {
            do throws(Selector.Fault) {
                let candidates = plan.candidates(in: state)
                var chosen = try Selector(select).stages(among: candidates)
                if let exclude { chosen.subtract(try Selector(exclude).stages(among: candidates)) }
                return .retryStages(plan.stages.map(\.id).filter(chosen.contains))
            } catch {
                throw ValidationError(error.message)
            }
        }
        guard let unit = stage?.unit else { return .retryFailed }
        guard let item = unit.item else { return .retry(unit.stage, downstream: downstream) }
        return .retryItems(unit.stage, [item], downstream: downstream)
    }
}

/// `caudal resume`: continues a run whose process died.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Continue a run: clean up after its process if that died, then run what is left and what failed.")

    @Argument(help: .run)
    var run: String = "last"

    @OptionGroup var reopen: ReopenOptions
    @OptionGroup var show: ShowOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let found = try ReopenedRun.find(run, reopen, state)
        switch found.state.status {
        case .interrupted, .running: try await found.carryOut(nil, reopen, show)
        case .failed, .cancelled: try await found.carryOut(.retryFailed, reopen, show)
        case .succeeded:
            try Output.reporting {
                let interrupted = try RunTarget.find(run, state).store.runs(status: .interrupted, limit: 1)
                throw RunControlError.nothingToResume(found.id, interrupted: interrupted.first?.id)
            }
        }
    }
}
