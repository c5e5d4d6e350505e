import CaudalModel
import Foundation

/// An error of the run store: what is wrong, where, and how to fix it.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of error.
    package enum Problem: Sendable, Hashable {
        /// Another process keeps the database locked.
        case busy
        /// A newer version of Caudal wrote it.
        case tooNew(version: String)
        case full
        /// It lies where nothing can be written.
        case readOnly
        /// It cannot be made or written to here: the `errno` of the call that failed.
        case notWritable(Int32)
        /// It is no longer the file or folder in which the run was recorded.
        case replaced
        /// It was removed while its process went on, and another process has taken the run since.
        case takenOver
        /// It is no longer the file or folder that is being looked at.
        case lost
        /// It is no longer the file that the scheduler has open.
        case gone
        case unreadable(String)
        case unknownRun(String)
        /// There are no runs at all, or none of a pipeline.
        case noRuns(pipeline: String?)
        case ambiguousRun(String, candidates: [String])
        /// Another process has begun the run of a slot, or it is not to run any more.
        case slotTaken
    }

    package let problem: Problem
    /// The file or folder.
    package let path: String

    package init(_ problem: Problem, path: String) {
        self.problem = problem
        self.path = path
    }

    /// The error of a file or folder that could not be made or written to.
    init(writing path: String, errno code: Int32?, _ reason: String? = nil) {
        let problem: Problem =
            switch code {
            case EACCES, EPERM, EROFS: .notWritable(code ?? EACCES)
            case ENOSPC, EDQUOT: .full
            case let code?: .unreadable(reason ?? Failure.words(ofErrno: code))
            case nil: .unreadable(reason ?? "")
            }
        self.init(problem, path: path)
    }

    /// The error of a file or folder that could not be made.
    init(making path: String, _ error: any Error) {
        self.init(writing: path, errno: error.systemError, error.reason)
    }

    /// The problem and its remedy, on one line.
    package var description: String {
        switch problem {
        case .busy:
            return "\(path) is locked by another process; find it with 'fuser \(path)', end it or wait, then try again"
        case .tooNew(let version):
            return
                "\(path) was written by a newer caudal (\(version)); update this one, or use another folder with --state"
        case .full:
            return "there is no space left for \(path); free some ('caudal prune' removes old runs), then try again; "
                + "a run that had begun goes on with 'caudal resume'"
        case .readOnly:
            return "\(path) cannot be written to: what it holds can be read, but nothing can be run or changed; "
                + "use another folder with --state"
        case .notWritable(let code):
            let remedy =
                code == EROFS
                ? "make its file system writable, or use another folder with --state"
                : "give this user the right to write there ('ls -ld' shows who has it), or use another folder with --state"
            return
                "\(path) cannot be written to: \(Failure.words(ofErrno: code)); nothing can be run or changed: \(remedy)"
        case .replaced:
            return
                "the run's records were removed or replaced, so that what ran was stopped, and what it did since is not "
                + "recorded: put \(path) back if it was moved, else begin anew with 'caudal run'"
        case .takenOver:
            return
                "\(path) was removed while the run went on, and another process has taken the run up since: what ran here "
                + "was stopped; follow the run with 'caudal watch'"
        case .lost:
            return "the run's records were removed or replaced: what is shown may not be true any more (\(path))"
        case .gone:
            return "\(path) was removed or replaced, so that nothing that the scheduler decides would be kept; "
                + "start it again with 'caudal schedule'"
        case .unreadable(let reason): return "\(path) cannot be used: \(reason)"
        case .unknownRun(let text): return "there is no run '\(text)'; 'caudal runs' lists them"
        case .noRuns(let pipeline):
            let which = pipeline.map { "runs of '\($0)'" } ?? "runs"
            return "there are no \(which) yet in \(path); start one with 'caudal run FILE'"
        case .slotTaken: return "the slot has its run already: another process has begun it"
        case .ambiguousRun(let text, let candidates):
            return "'\(text)' fits several runs: \(candidates.prefix(5).joined(separator: ", "))"
        }
    }
}
