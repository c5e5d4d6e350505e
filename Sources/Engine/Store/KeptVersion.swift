package import CaudalModel
import CSystem
import Foundation

/// Keeps what a run published as a hard link or clone in the run's folder.
///
/// A link or clone takes no space until the published file is replaced. The run's stages, retries and resumption read
/// this version, whatever has been published at the path since.
package enum KeptVersion {
    /// Links or clones a file, or every file of a folder.
    ///
    /// - Returns: false where the file system can do neither; then nothing is left behind.
    package static func keep(_ path: String, as kept: String) -> Bool {
        do {
            try FileManager.default.createDirectory(
                atPath: PathText.folder(of: kept), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            // Left by an attempt that an earlier process did not finish.
            if FileText.exists(kept) { try FileManager.default.removeItem(atPath: kept) }
            if try link(path, kept) { return true }
            try? FileManager.default.removeItem(atPath: kept)
            return false
        } catch {
            // A version that cannot be kept is identified by its fingerprint, and its readers fail once it has been
            // replaced.
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
    /// The folder of the run's kept versions.
    package var versions: String { path + "/versions" }

    /// The folder of versions that are about to be removed and that no record names any more.
    var droppedVersions: String { path + "/versions.dropped" }

    /// The folder of the versions that one attempt publishes.
    package func versions(_ unit: UnitID, _ number: Int) -> String {
        versions + "/" + PathComponent.of(unit.stage.rawValue)
            + (unit.item.map { "/" + PathComponent.of($0.rawValue) } ?? "") + "/\(number)"
    }

    /// The disk space of the kept versions in bytes: only files that have no name outside of the run's folder count.
    package var bytesOfVersions: Int64 { Self.ownBytes(in: versions) }

    /// The bytes of a folder's files that have no name elsewhere.
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
    /// The absolute path of a kept version, which artifacts name relative to this folder.
    package func absolute(_ kept: String) -> String { path + "/" + kept }
}
