import Foundation

/// A small file system of its own, for tests of full disks, of moves between disks and of disks that cannot be written.
package final class SmallDisk: Sendable {
    private let folder: OwnFolder

    /// Where it is mounted.
    package var path: String { folder.path }

    /// Whether this process may mount anything.
    package static let isPossible: Bool = (try? SmallDisk(sizeInKiB: 64)) != nil

    package init(sizeInKiB: Int) throws {
        folder = try OwnFolder()
        guard mount("tmpfs", folder.path, "tmpfs", 0, "size=\(sizeInKiB)k") == 0 else {
            throw CocoaError(.fileWriteNoPermission)
        }
    }

    deinit { umount2(folder.path, Int32(MNT_DETACH)) }

    /// Gives it more room, as an operator who frees space does.
    package func grow(toKiB size: Int) throws {
        guard mount("tmpfs", folder.path, "tmpfs", UInt(MS_REMOUNT), "size=\(size)k") == 0 else {
            throw CocoaError(.fileWriteNoPermission)
        }
    }

    /// Lets nobody write any more, not even the administrator.
    package func makeReadOnly() throws {
        guard mount("tmpfs", folder.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 else {
            throw CocoaError(.fileWriteNoPermission)
        }
    }
}
