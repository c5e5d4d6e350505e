import CaudalModel
import Engine

/// Work that the dashboard needs done outside of its reducer.
indirect enum DashboardEffect: Sendable {
    /// Preview what the answers to a question would do; the result is ``DashboardInput/confirmation(_:)``.
    case prepare(ConfirmationRequest)
    case send(RunCommand)
    /// Reopen a run that is not live, and send it the command; nil lets it continue with what is left. What the user
    /// has confirmed is not asked again.
    case reopen(RunCommand?, ReopenAgreement)
    /// Leave; the run continues in this process, printing lines.
    case detach
    /// Leave; the run has ended or belongs to another process.
    case quit
    /// Cancel the run, and leave when it has ended.
    case cancelAndQuit
    case suspend
    case redraw
    /// Copy something; what was copied is told by ``DashboardInput/said(_:_:)``.
    case copy(Copied)
    /// Show other lines of the log, and search them; what is found comes as ``DashboardInput/log``.
    case showLog(LogIndex.View)
    case mouse(Bool)
    /// Show the log of a stage or an item in the user's pager; nil for the whole log.
    case page(UnitID?)
    /// Print text below what the terminal showed before, until the user presses a key.
    case printPlainly(String)
    /// Read the history of the pipeline's runs; it comes as ``DashboardInput/history(_:)``.
    case readHistory
    /// Compare the shown run with another one; the result is ``DashboardInput/comparison(_:)``.
    case compare(RunID)
    /// Preview the publishing of a run's versions; the result is ``DashboardInput/confirmation(_:)``.
    case prepareRestoring(RunID)
    /// Publish the versions of a run again; the user has agreed to lose what is named.
    case restore(RunID, losing: [String])
    /// Open another run of the pipeline on this screen.
    case open(RunID)
    /// Go back to the run from which this one was opened.
    case goBack
    /// Open the pipeline file at a stage in the user's editor; its end is ``DashboardInput/edited(isChanged:gone:)``.
    case edit(StageID)
    /// Open the rows that a validate stage quarantined in the user's editor; the end of it is ``DashboardInput/corrected(_:)``.
    case correct(StageID)
    /// Keep corrected rows with the run, and then have their stage run again by another effect.
    case replay(CorrectedRows, DashboardEffect)
}

extension DashboardEffect {
    /// Whether it retries several stages together.
    var retriesPicked: Bool {
        switch self {
        case .send(.retryStages), .reopen(.retryStages?, _): true
        default: false
        }
    }
}

/// What is copied.
enum Copied: Equatable {
    /// A text, with what it is in words, such as `the error of load`.
    case text(String, of: String)
    /// The text of one line of the log that is shown.
    case line(Int)
    /// Lines of the log that are shown, with time, level and source.
    case lines(ClosedRange<Int>)
    /// All lines of a stage or an item.
    case log(UnitID)
}

/// Input to the dashboard's reducer.
enum DashboardInput {
    case key(Key)
    case events([RunEvent])
    /// An update of the run.
    case update(RunUpdate)
    /// The log has grown, or more of it was searched.
    case log
    case tick(Moment)
    /// Time has passed for the replay, in milliseconds.
    case passed(Int64)
    case answer(CommandAnswer)
    /// The result of a question's preview.
    case confirmation(ConfirmationBuilder.Outcome)
    case resized(rows: Int, columns: Int)
    /// What an effect has to tell.
    case said(String, Style)
    /// The user has left the editor; the file may have the stage no more that it was opened at.
    case edited(isChanged: Bool, gone: GoneStage? = nil)
    /// The user has left the editor with quarantined rows.
    case corrected(CorrectedRows)
    /// The runs of the pipeline.
    case history(RunHistory)
    /// How the run differs from another one.
    case comparison(RunComparison)
    /// What was looked up of a unit.
    case details(UnitDetails)
}
