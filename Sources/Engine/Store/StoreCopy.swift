import CaudalModel
import Foundation

/// A copy of a run store that lies where nothing can be written, such as a snapshot that is mounted read-only.
///
/// SQLite writes beside a database also to read it.
struct StoreCopy {
    let database: String
    private let folder: String

    /// Copies the store of a state folder.
    ///
    /// - Returns: nil where the folder can be written to, or has no store.
    /// - Throws: ``StoreError`` when the store cannot be copied.
    static func make(of state: StateFolder) throws(StoreError) -> StoreCopy? {
        guard access(state.path, W_OK) != 0, [EROFS, EACCES].contains(errno), FileText.exists(state.database) else {
            return nil
        }
        do {
            let folder = try TemporaryFolders.make("caudal-store")
            let database = folder + "/" + PathText.lastComponent(of: state.database)
            // What was recorded last may be in the second file only.
            for ending in ["", "-wal"] where FileText.exists(state.database + ending) {
                try FileManager.default.copyItem(atPath: state.database + ending, toPath: database + ending)
                chmod(database + ending, 0o600)
            }
            return StoreCopy(database: database, folder: folder)
        } catch {
            throw StoreError(.unreadable("no copy of it can be made: \(error.reason)"), path: state.database)
        }
    }

    /// Removes its files; what has them open keeps them until it ends.
    func remove() { TemporaryFolders.remove(folder) }
}
