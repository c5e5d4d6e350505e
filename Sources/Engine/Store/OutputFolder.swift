import CaudalModel
import Foundation

/// A folder that a stage writes.
enum OutputFolder {
    /// Refuses a folder that no run published, or in which somebody has put files since: publishing replaces it as a whole, with
    /// all other files in it.
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
        let last: Publication?
        do throws(StoreError) {
            isPublished = try store.isPublished(shown)
            last = try store.publications(at: shown, limit: 1).first
        } catch {
            throw Failure("whether a run made the folder \(shown) cannot be found out: \(error.description)")
        }
        if isPublished {
            // Its names say enough: to compare the content would read all of the folder before each run.
            guard let kept = last?.artifact.kept.map(store.folder.absolute), FileText.exists(kept) else {
                guard let hash = last?.artifact.contentHash, ContentHash.of(path: path) != hash else { return }
                throw Failure(
                    "the folder \(shown) is not as the last run left it, of which no version is kept: it would be replaced with "
                        + "everything in it", remedy: "move away what is to stay, or the whole folder",
                    location: stage.outputLocation)
            }
            let own = Set(FileManager.default.subpaths(atPath: kept) ?? [])
            let others = (FileManager.default.subpaths(atPath: path) ?? []).filter { !own.contains($0) }.sorted()
            guard let first = others.first else { return }
            let more = others.count > 1 ? " and \((others.count - 1).counted("other"))" : ""
            throw Failure(
                "the folder \(shown) holds \(first)\(more), which no run put there: it would be replaced with everything in it",
                remedy: "move what is not of \(stage.id) out of the folder", location: stage.outputLocation)
        }
        throw Failure(
            "the folder \(shown) is there, and no run published it: it would be replaced with everything in it",
            remedy: "move it away, or write to a path of its own, such as \(shown)/\(stage.id)",
            location: stage.outputLocation)
    }
}
