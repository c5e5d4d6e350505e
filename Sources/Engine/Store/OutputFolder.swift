import CaudalModel
import Foundation

/// A folder that a stage writes.
enum OutputFolder {
    /// Refuses a folder that no run published: publishing replaces it as a whole, with all other files in it.
    ///
    /// `shown`: its path as runs record it.
    static func refuseOfOthers(
        at path: String, shown: String, _ stage: Stage, _ store: RunStore
    ) throws(Failure) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
        // A folder that cannot be looked into cannot be replaced either, which publishing says.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        if names.isEmpty { return }
        let isPublished: Bool
        do throws(StoreError) { isPublished = try store.isPublished(shown) } catch {
            throw Failure("whether a run made the folder \(shown) cannot be found out: \(error.description)")
        }
        if isPublished { return }
        throw Failure(
            "the folder \(shown) is there, and no run published it: it would be replaced with everything in it",
            remedy: "move it away, or write to a path of its own, such as \(shown)/\(stage.id)",
            location: stage.outputLocation)
    }
}
