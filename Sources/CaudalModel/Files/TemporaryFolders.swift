import Foundation
import Synchronization

/// The folders for temporary files that this process has made, which are removed also when a signal ends it.
///
/// A single list, because a process is ended once, wherever it has made them.
package enum TemporaryFolders {
    private static let made = Mutex<Set<String>>([])

    /// Makes a folder that only its owner may read, with a name that nobody can guess.
    ///
    /// - Parameter parent: The folder to make it in; nil means the one for temporary files.
    /// - Throws: ``Failure`` when there is no place for one.
    package static func make(_ name: String, in parent: String? = nil) throws(Failure) -> String {
        let folder = try FileText.makeTemporaryFolder(name, in: parent)
        made.withLock { _ = $0.insert(folder) }
        return folder
    }

    /// Removes a folder with everything in it; what cannot be removed is left among the temporary files.
    package static func remove(_ folder: String) {
        made.withLock { _ = $0.remove(folder) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Removes all of them, for a process that is about to end.
    package static func removeAll() {
        for folder in made.withLock({ $0 }) { remove(folder) }
    }
}
