import CSystem
import Foundation

/// Moves what an attempt wrote into place, so that a reader sees the old output or the new one and never half of one.
///
/// A plan is journaled before its first move. Whoever finds a plan that was not finished, after a crash, carries it
/// out again: a move that was made already is recognized by its staged file being gone.
package enum Publisher {
    /// Finds out before any work is done whether outputs can be put in place.
    package static func prepare(_ outputs: [StagedOutput]) throws(Failure) {
        for output in outputs {
            let folder = PathText.folder(of: output.target)
            try makeFolder(folder)
            guard access(folder, W_OK) == 0 else {
                throw Failure(
                    "the output folder \(folder) cannot be written to: \(String(cString: strerror(errno)))",
                    remedy:
                        "give this user the right to write there, or change the path of '\(output.dataset?.rawValue ?? output.target)'"
                )
            }
        }
    }

    /// The moves for outputs that were written; optional ones that were not are left out.
    package static func plan(_ outputs: [StagedOutput]) throws(Failure) -> PublishPlan {
        var moves: [PublishPlan.Move] = []
        for output in outputs {
            guard let inode = inode(of: output.staged) else {
                if output.isOptional { continue }
                throw Failure(
                    "the output \(PathText.lastComponent(of: output.target)) was not written",
                    remedy: "the command must write it to $CAUDAL_OUTPUT, which is \(output.staged)")
            }
            moves.append(PublishPlan.Move(staged: output.staged, target: output.target, inode: inode))
        }
        return PublishPlan(moves: moves)
    }

    /// Makes the moves, or those that are left of a plan that was begun.
    package static func carryOut(_ plan: PublishPlan) throws(Failure) {
        for move in plan.moves {
            guard let staged = inode(of: move.staged) else {
                // A move that was made; what was lost before it was moved must not pass for one.
                if FileText.exists(move.target) { continue }
                throw Failure(
                    "the output \(move.target) is neither in place nor in staging", remedy: "run its stage again")
            }
            if staged != move.inode, inode(of: move.target) == move.inode {
                // Two folders changed places, and what is staged now is the old output. The target's number alone
                // does not tell: another disk numbers its files by itself.
                try remove(move.staged)
            } else {
                try makeFolder(PathText.folder(of: move.target))
                try replace(move.target, with: move.staged)
            }
        }
    }

    private static func inode(of path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    private static func remove(_ path: String) throws(Failure) {
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw Failure("\(path) could not be removed: \(error.reason)")
        }
    }

    private static func replace(_ target: String, with staged: String) throws(Failure) {
        if rename(staged, target) == 0 { return }
        switch errno {
        case EXDEV: try replaceAcrossDevices(target, with: staged)
        case ENOTEMPTY, EEXIST, ENOTDIR: try exchange(target, with: staged)
        case EISDIR:
            throw Failure(
                "\(target) is a folder, and the output is a file",
                remedy: "change the path of the output, or move the folder away")
        default: throw failure("\(staged) could not be moved to \(target)", errno)
        }
    }

    /// Folders: the two change places in one step, and the old one is removed afterwards.
    private static func exchange(_ target: String, with staged: String) throws(Failure) {
        let result = cs_rename_exchange(staged, target)
        if result < 0 { throw failure("\(target) could not be replaced", -result) }
        try remove(staged)
    }

    /// Another file system cannot be renamed to: the output is copied beside its place first.
    private static func replaceAcrossDevices(_ target: String, with staged: String) throws(Failure) {
        let beside = PathText.folder(of: target) + "/." + PathText.lastComponent(of: target) + ".caudal-publishing"
        do {
            if FileText.exists(beside) { try FileManager.default.removeItem(atPath: beside) }
            try FileManager.default.copyItem(atPath: staged, toPath: beside)
        } catch {
            // What could not be copied whole must not stay beside the outputs; that it may be missing is fine.
            try? FileManager.default.removeItem(atPath: beside)
            throw Failure(
                "\(target) could not be written: \(error.reason)", remedy: "free some space there, then retry")
        }
        try replace(target, with: beside)
        try remove(staged)
    }

    private static func makeFolder(_ path: String) throws(Failure) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Failure(
                "the folder \(path) cannot be made: \(error.reason)",
                remedy: "make it, or change the path in the pipeline file")
        }
    }

    private static func failure(_ message: String, _ code: Int32) -> Failure {
        Failure("\(message): \(String(cString: strerror(code)))")
    }
}
