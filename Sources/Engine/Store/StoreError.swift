/// A fault of the run store: what is wrong, where, and what to do.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of fault.
    package enum Problem: Sendable, Hashable {
        /// Another process keeps the database locked.
        case busy
        /// A newer caudal wrote it.
        case tooNew(version: String)
        case full
        /// It is not the file or folder any more that a run was recorded in.
        case replaced
        case unreadable(String)
        case unknownRun(String)
        /// There is none at all, or none of a pipeline.
        case noRuns(pipeline: String?)
        case ambiguousRun(String, candidates: [String])
    }

    package let problem: Problem
    /// The file or folder.
    package let path: String

    package init(_ problem: Problem, path: String) {
        self.problem = problem
        self.path = path
    }

    /// What is wrong and what to do, on one line.
    package var description: String {
        switch problem {
        case .busy:
            return "\(path) is locked by another process; find it with 'fuser \(path)', end it or wait, then try again"
        case .tooNew(let version):
            return
                "\(path) was written by a newer caudal (\(version)); update this one, or use another folder with --state"
        case .full: return "there is no space left for \(path); free some, then continue with 'caudal resume'"
        case .replaced:
            return "\(path) was removed or replaced while the run went on: what it did since is not recorded, and "
                + "what ran was stopped; put it back if it was moved, else begin anew with 'caudal run'"
        case .unreadable(let reason): return "\(path) cannot be used: \(reason)"
        case .unknownRun(let text): return "there is no run '\(text)'; 'caudal runs' lists them"
        case .noRuns(let pipeline):
            let which = pipeline.map { "runs of '\($0)'" } ?? "runs"
            return "there are no \(which) yet in \(path); start one with 'caudal run FILE'"
        case .ambiguousRun(let text, let candidates):
            return "'\(text)' fits several runs: \(candidates.prefix(5).joined(separator: ", "))"
        }
    }
}
