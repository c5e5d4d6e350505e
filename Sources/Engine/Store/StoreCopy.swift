import CaudalModel
import Foundation

/// A copy of a run store that lies where nothing can be written, such as a snapshot that is mounted read-only, or where no
/// space is left.
///
/// SQLite writes beside a database also to read it.
struct StoreCopy {
    let database: String
    /// The database that it is a copy of.
    let original: String
    private let folder: String

    /// A copy of a store where its folder cannot be written to; nil where it can, or where there is no store.
    ///
    /// - Throws: ``StoreError`` when the store cannot be copied.
    static func ofReadOnly(_ state: StateFolder) throws(StoreError) -> StoreCopy? {
        guard access(state.path, W_OK) != 0, [EROFS, EACCES].contains(errno), FileText.exists(state.database) else {
            return nil
        }
        return try StoreCopy(of: state)
    }

    /// Copies the store of a state folder.
    ///
    /// - Throws: ``StoreError`` when it cannot be copied.
    init(of state: StateFolder) throws(StoreError) {
        original = state.database
        do {
            folder = try TemporaryFolders.make("caudal-store")
        } catch {
            throw StoreError(.unreadable("no copy of it can be made: \(error.reason)"), path: original)
        }
        database = folder + "/" + PathText.lastComponent(of: original)
        do {
            // What was recorded last may be in the second file only.
            for ending in ["", "-wal"] where FileText.exists(original + ending) {
                try FileManager.default.copyItem(atPath: original + ending, toPath: database + ending)
                chmod(database + ending, 0o600)
            }
        } catch {
            remove()
            throw StoreError(.unreadable("no copy of it can be made in \(folder): \(error.reason)"), path: original)
        }
    }

    /// Removes its files; what has them open keeps them until it ends.
    func remove() { TemporaryFolders.remove(folder) }
}
