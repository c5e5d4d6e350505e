package import CaudalModel
import CSystem
import Foundation

/// Moves an attempt's outputs into place, so that a reader sees the old output or the new one as a whole.
///
/// A plan is recorded before its first move. After a crash, another process carries out an unfinished plan again; a
/// move that was already made is recognized by its missing staged file.
package enum Publisher {
    /// Checks before any work begins that outputs can be published.
    ///
    /// - Throws: ``PublishError`` when the folder of an output cannot be created or written to, or what would be replaced
    ///   is neither a file nor a folder.
    package static func prepare(_ outputs: [StagedOutput]) throws(PublishError) {
        for output in outputs {
            let folder = PathText.folder(of: destination(of: output.target))
            if let kind = FileKind(output.target), !kind.isData { throw .targetIsNoData(output.target, kind: kind) }
            try makeFolder(folder)
            guard access(folder, W_OK) == 0 else {
                throw .noAccess(folder: folder, errno: errno, output: output.dataset?.rawValue ?? output.target)
            }
        }
    }

    /// The moves for the outputs that were written; optional outputs that were not are left out.
    ///
    /// - Parameter owner: A name that no other attempt of any run has; nil outside of runs.
    /// - Throws: ``PublishError`` when a required output was not written, or is no file and no folder of files.
    package static func plan(_ outputs: [StagedOutput], owner: String? = nil) throws(PublishError) -> PublishPlan {
        var moves: [PublishPlan.Move] = []
        for output in outputs {
            guard let kind = FileKind(output.staged, followingLinks: false) else {
                if output.isOptional { continue }
                throw .notWritten(output.target, staged: output.staged)
            }
            try refuseOthers(than: kind, output)
            guard let inode = inode(of: output.staged) else {
                throw .notWritten(output.target, staged: output.staged)
            }
            moves.append(PublishPlan.Move(staged: output.staged, target: output.target, inode: inode))
        }
        return PublishPlan(moves: moves, owner: owner)
    }

    /// Refuses what has no bytes of its own that could be looked at and published: to read a pipe would wait for ever, and a
    /// link that is moved leads elsewhere.
    private static func refuseOthers(than kind: FileKind, _ output: StagedOutput) throws(PublishError) {
        guard kind.isData else { throw .notData(output.target, part: nil, kind: kind) }
        guard kind == .folder, let names = FileManager.default.subpaths(atPath: output.staged) else { return }
        for name in names {
            let path = output.staged + "/" + name
            guard let kind = FileKind(path, followingLinks: false), !kind.isData else { continue }
            if kind == .link, staysInside(output.staged, link: path) { continue }
            throw .notData(output.target, part: name, kind: kind)
        }
    }

    /// Whether a link in a folder leads to data of the same folder, wherever the folder is moved.
    private static func staysInside(_ folder: String, link: String) -> Bool {
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link), !target.hasPrefix("/"),
            FileKind(link)?.isData == true
        else { return false }
        let place = FileIdentity(link)
        let whole = FileIdentity(folder)
        return whole == place || whole.holds(place)
    }

    /// Where an output is moved.
    ///
    /// A link to a file stays, and what it leads to is replaced, as by every program that writes there. One to a folder gives
    /// way: nobody asked to replace everything in that.
    private static func destination(of target: String) -> String {
        guard FileKind(target, followingLinks: false) == .link, FileKind(target) != .folder else { return target }
        return FileIdentity(target).path
    }

    /// Makes the moves, or the rest of them for an unfinished plan.
    ///
    /// - Throws: ``PublishError`` when an output is neither staged, nor kept, nor in place; then the target is left
    ///   unchanged.
    package static func carryOut(_ plan: PublishPlan) throws(PublishError) {
        for move in plan.moves {
            let target = destination(of: move.target)
            let beside = besidePath(of: target, owner: plan.owner)
            guard let staged = inode(of: move.staged) ?? restaged(move) else {
                if isInPlace(move) { continue }
                // Left by a process that died while it copied the output.
                if FileText.exists(beside) { try remove(beside) }
                throw .lost(move.target)
            }
            if staged != move.inode, inode(of: move.target) == move.inode {
                // The two folders were exchanged, and the staged one is the old output. The target's inode alone is no
                // proof: another disk has its own numbering.
                try remove(move.staged)
            } else {
                try makeFolder(PathText.folder(of: target))
                try replace(target, with: move.staged, beside: beside)
            }
        }
    }

    /// Whether the target is the output that was to be moved there.
    static func isInPlace(_ move: PublishPlan.Move) -> Bool {
        if let hash = move.contentHash { return ContentHash.of(path: move.target) == hash }
        return inode(of: move.target) == move.inode
    }

    /// Stages a lost output again from the version that the run keeps.
    ///
    /// - Returns: The inode of the staged file, or nil when no version is kept or the output is already in place.
    private static func restaged(_ move: PublishPlan.Move) -> UInt64? {
        guard let kept = move.kept, let hash = move.contentHash, !isInPlace(move),
            ContentHash.of(path: kept) == hash, KeptVersion.keep(kept, as: move.staged)
        else { return nil }
        return inode(of: move.staged)
    }

    private static func inode(of path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    private static func remove(_ path: String) throws(PublishError) {
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw .notRemoved(path, reason: error.reason)
        }
    }

    private static func replace(_ target: String, with staged: String, beside: String) throws(PublishError) {
        if rename(staged, target) == 0 { return }
        switch errno {
        case EXDEV: try replaceAcrossDevices(target, with: staged, beside: beside)
        case ENOTEMPTY, EEXIST, ENOTDIR: try exchange(target, with: staged)
        case EISDIR: throw .targetIsFolder(target)
        default: throw .notMoved(staged, to: target, errno: errno)
        }
    }

    /// For folders: exchanges both in one step, then removes the old one.
    private static func exchange(_ target: String, with staged: String) throws(PublishError) {
        let result = cs_rename_exchange(staged, target)
        if result < 0 { throw .notReplaced(target, errno: -result) }
        try remove(staged)
    }

    /// The temporary path beside a target to which an output is copied first: unique to the attempt, so that several
    /// runs may publish there at once, and the same when another process finishes the plan.
    package static func besidePath(of target: String, owner: String?) -> String {
        let name = ContentHash.of(owner ?? "process \(getpid())").split(separator: ":").last ?? ""
        // Names end at 255 bytes, and the target's may be as long.
        let start = PathText.lastComponent(of: target).utf8.prefix(200)
        return PathText.folder(of: target) + "/." + String(decoding: start, as: UTF8.self) + ".caudal-\(name)"
    }

    /// A rename does not work across file systems: the output is copied beside its target and synced before it is
    /// renamed.
    private static func replaceAcrossDevices(
        _ target: String, with staged: String, beside: String
    ) throws(PublishError) {
        do {
            // Left by a process that died while it carried out the same plan.
            if FileText.exists(beside) { try FileManager.default.removeItem(atPath: beside) }
            try FileManager.default.copyItem(atPath: staged, toPath: beside)
            try makeDurable(beside)
        } catch {
            // An incomplete copy must not stay beside the outputs; it may also not exist.
            try? FileManager.default.removeItem(atPath: beside)
            throw .notCopied(target, reason: error.reason)
        }
        do throws(PublishError) { try replace(target, with: beside, beside: beside) } catch {
            // A whole copy that found no place must not stay either; it is staged still.
            try? FileManager.default.removeItem(atPath: beside)
            throw error
        }
        try remove(staged)
    }

    /// Syncs a file, or every file of a folder, to the disk.
    private static func makeDurable(_ path: String) throws {
        let names = [""] + (FileManager.default.subpaths(atPath: path) ?? []).map { "/" + $0 }
        for name in names {
            let descriptor = open(path + name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            // A symbolic link has no content to sync.
            if descriptor < 0, errno == ELOOP { continue }
            guard descriptor >= 0 else { throw Failure(Failure.words(ofErrno: errno)) }
            defer { close(descriptor) }
            if fsync(descriptor) != 0 { throw Failure(Failure.words(ofErrno: errno)) }
        }
    }

    private static func makeFolder(_ path: String) throws(PublishError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .noFolder(path, reason: error.reason)
        }
    }
}
