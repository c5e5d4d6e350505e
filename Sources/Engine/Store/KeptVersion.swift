import CSystem
import Foundation

/// What a run published, kept under a second name in the run's folder.
///
/// A link or a clone of the published file takes no room until the file is replaced. The stages of the run, its retries
/// and its resumption read this version whatever was published at the path since.
package enum KeptVersion {
    /// Gives a file, or every file of a folder, a second name.
    ///
    /// - Returns: false where the file system can neither link nor clone; nothing is left then.
    package static func keep(_ path: String, as kept: String) -> Bool {
        do {
            try FileManager.default.createDirectory(
                atPath: PathText.folder(of: kept), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            // An attempt that an earlier process did not finish.
            if FileText.exists(kept) { try FileManager.default.removeItem(atPath: kept) }
            if try link(path, kept) { return true }
            try? FileManager.default.removeItem(atPath: kept)
            return false
        } catch {
            // What cannot be kept is known by its fingerprint alone, and its readers refuse once it was replaced.
            return false
        }
    }

    private static func link(_ path: String, _ kept: String) throws -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return false }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return Foundation.link(path, kept) == 0 || cs_clone_file(path, kept) == 0
        case S_IFDIR:
            try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: false)
            return try FileManager.default.contentsOfDirectory(atPath: path).allSatisfy { name in
                try link(path + "/" + name, kept + "/" + name)
            }
        default:
            try FileManager.default.copyItem(atPath: path, toPath: kept)
            return true
        }
    }
}

extension RunFolder {
    /// Where the run keeps the versions of what it published.
    package var versions: String { path + "/versions" }

    /// Where versions lie that are given back, until they are removed; nothing names them any more.
    var droppedVersions: String { path + "/versions.dropped" }

    /// Where one attempt keeps the versions of what it publishes.
    package func versions(_ unit: UnitID, _ number: Int) -> String {
        versions + "/" + PathComponent.of(unit.stage.rawValue)
            + (unit.item.map { "/" + PathComponent.of($0.rawValue) } ?? "") + "/\(number)"
    }

    /// How many bytes the kept versions take on the disk by themselves: those of files that no path but the run's own
    /// leads to.
    package var bytesOfVersions: Int64 { Self.ownBytes(in: versions) }

    /// How many bytes a folder's files take that have no other name elsewhere.
    static func ownBytes(in folder: String) -> Int64 {
        let names = FileManager.default.subpaths(atPath: folder) ?? []
        return names.reduce(0) { sum, name in
            var status = stat()
            guard lstat(folder + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1
            else { return sum }
            return sum + Int64(status.st_size)
        }
    }
}

extension StateFolder {
    /// Where a kept version lies, which artifacts name from this folder on.
    package func absolute(_ kept: String) -> String { path + "/" + kept }
}
