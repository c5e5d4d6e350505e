package import CaudalModel

/// Why a run cannot be started, continued or steered.
package enum RunControlError: DomainError {
    /// What a process wants to do with a run that only one process may do at a time.
    package enum Purpose: Sendable, Hashable { case continuing, restoring, removing }

    /// Another process runs the run.
    case live(RunID, hinders: Purpose)
    /// No process runs the run, so nobody can be told to pause it, to cancel it and so on.
    case notLive(RunID, RunState.Status, file: String, verb: String)
    /// Only the whole of an interrupted run can be cancelled.
    case stageNotRunning(RunID)
    case nothingToResume(RunID, interrupted: RunID?)
    /// The state folder is a copy of the one in which the run was begun, or was moved: the run would go on in the old place.
    case beganElsewhere(RunID, state: String, recorded: String, root: String)
    /// Another live run writes a path that this one is to write.
    case pathTaken(PathConflict, root: String)
    /// A job of the run has outlived its process, and belongs to the pipeline as it was.
    case workOutlivesPlan(UnitID, of: RunID)
    /// What the user confirmed is not what would happen now.
    case changedSinceConfirmed
    /// The run would refuse the command; `ifContinued` names an interrupted run that would have to be continued first.
    case refused(String, ifContinued: RunID? = nil)

    /// That no process runs a run, which `verb` needs.
    package static func notLive(_ state: RunState, _ verb: String) -> RunControlError {
        .notLive(state.id, state.status, file: state.plan.file, verb: verb)
    }
}

extension RunControlError {
    package var failure: Failure {
        switch self {
        case .live(let id, let purpose):
            Failure("run \(id) is live: another process runs it", remedy: Self.remedy(of: id, for: purpose))
        case .notLive(let id, .interrupted, _, let verb):
            Failure(
                "run \(id) was interrupted: its process died, there is nothing to \(verb)",
                remedy: "continue it with 'caudal resume \(id)', or clean up with 'caudal cancel \(id)', after which "
                    + "its stages can be marked and retried")
        case .notLive(let id, let status, let file, let verb):
            Failure(
                "run \(id) has ended: \(status.rawValue); there is nothing to \(verb)",
                remedy: [.failed, .cancelled].contains(status)
                    ? "rerun what failed with 'caudal retry \(id)'" : "run it again with 'caudal run \(file)'")
        case .stageNotRunning(let id):
            Failure(
                "run \(id) was interrupted: none of its stages is running",
                remedy: "cancel the whole run, or continue it with 'caudal resume \(id)'")
        case .beganElsewhere(let id, let state, let recorded, let root):
            Failure(
                "run \(id) was begun in \(recorded), and this is \(state): it would go on in \(root)",
                remedy: FileText.exists(recorded)
                    ? "go on with it there, or begin a new run here; a copied project's runs can only be looked at"
                    : "that is not there any more: move the project back to go on with it, or begin a new run here"
            )
        case .nothingToResume(let id, let interrupted):
            Failure(
                "run \(id) has succeeded: there is nothing to resume",
                remedy: interrupted.map { "run \($0) was interrupted: 'caudal resume \($0)'" })
        case .pathTaken(let conflict, let root):
            Failure(
                "run \(conflict.run)\(conflict.pipeline.map { " of '\($0)'" } ?? "") is live and writes "
                    + "\(conflict.words(root: root)) too",
                remedy: "wait for it with --wait, end it with 'caudal cancel \(conflict.run)', or give each run paths "
                    + "of its own")
        case .workOutlivesPlan(let unit, let id):
            Failure(
                "the work of \(unit) continues outside of Caudal, and the pipeline file was changed since it began",
                remedy: "let it end first: 'caudal resume \(id) --as-started' continues as the run began")
        case .changedSinceConfirmed:
            Failure("this has changed since you confirmed it, and nothing was run: press the key again to see it")
        case .refused(let reason, nil): Failure(reason)
        case .refused(let reason, let id?):
            // The reason describes the run as it would be if it continued.
            Failure(
                "run \(id) was interrupted: its process died; if it continued, \(reason)",
                remedy: "continue it with 'caudal resume \(id)'")
        }
    }

    private static func remedy(of id: RunID, for purpose: Purpose) -> String {
        switch purpose {
        case .continuing: "use 'caudal watch \(id)', or stop it with 'caudal cancel \(id)'"
        case .restoring: "restore its versions when it has ended"
        case .removing: "stop it first with 'caudal cancel \(id)'"
        }
    }
}
