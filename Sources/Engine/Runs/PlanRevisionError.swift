package import CaudalModel

/// Why a run cannot continue with its pipeline file as it is now.
package enum PlanRevisionError: DomainError {
    /// The file defines another pipeline.
    case otherPipeline(file: String, name: String, ofRun: String)
    case noStagesLeft(file: String)
    /// A stage is gone whose output others of the run may have read.
    case publishedStageGone(StageID, file: String)
}

extension PlanRevisionError {
    package var failure: Failure {
        switch self {
        case .otherPipeline(let file, let name, let ofRun):
            Failure(
                "\(file) now holds the pipeline '\(name)', and the run is of '\(ofRun)'",
                remedy: "continue with the version that the run has (--as-started), put the old name back, "
                    + "or start a new run")
        case .noStagesLeft(let file):
            Failure("\(file) has none of the run's stages any more", remedy: "start a new run")
        case .publishedStageGone(let stage, let file):
            Failure(
                "\(file) no longer has the stage '\(stage)', which published in this run",
                remedy:
                    "stages downstream may have read its output: put the stage back, continue with the version that the run "
                    + "has (--as-started), or start a new run")
        }
    }
}
