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
        var before: Look?
        while true {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
            // A folder that cannot be looked into cannot be replaced either, which publishing says.
            let there = Set(FileManager.default.subpaths(atPath: path) ?? [])
            if there.isEmpty { return }
            // Read after the names: who puts a folder there has recorded before that it will.
            let isPublished: Bool
            let known: [Publication]
            do throws(StoreError) {
                known = try store.allPublications(at: shown, limit: versionsSearched)
                let wasPublished = try store.isPublished(shown)
                isPublished = wasPublished || !known.isEmpty
            } catch {
                throw Failure("whether a run made the folder \(shown) cannot be found out: \(error.description)")
            }
            if isPublished, known.isEmpty || isAsPublished(path, there, by: known, store) { return }
            // A run that overlaps may have published while this looked: what is judged stays as it is.
            let look = Look(names: there, runs: known.map(\.run))
            if look == before { throw refusal(of: there, shown, stage, known, store) }
            before = look
        }
    }

    /// What was seen of a folder: the names in it, and the runs that published it.
    private struct Look: Equatable {
        var names: Set<String>
        var runs: [RunID]
    }

    private static func refusal(
        of there: Set<String>, _ shown: String, _ stage: Stage, _ known: [Publication], _ store: RunStore
    ) -> Failure {
        guard let last = known.first else {
            return Failure(
                "the folder \(shown) is there, and no run published it: it would be replaced with everything in it",
                remedy: "move it away, or write to a path of its own, such as \(shown)/\(stage.id)",
                location: stage.outputLocation)
        }
        let others = keptNames(of: last, store).map { there.subtracting($0).sorted() } ?? []
        guard let first = others.first else {
            return Failure(
                "the folder \(shown) is not as the last run left it, of which no version is kept: it would be replaced with "
                    + "everything in it", remedy: "move away what is to stay, or the whole folder",
                location: stage.outputLocation)
        }
        let more = others.count > 1 ? " and \((others.count - 1).counted("other"))" : ""
        return Failure(
            "the folder \(shown) holds \(first)\(more), which no run put there: it would be replaced with everything in it",
            remedy: "move what is not of \(stage.id) out of the folder", location: stage.outputLocation)
    }

    /// How many earlier publications a folder may be of.
    private static let versionsSearched = 20

    /// The names in a version that is kept; nil where none is.
    private static func keptNames(of publication: Publication, _ store: RunStore) -> Set<String>? {
        guard let kept = publication.artifact.kept.map(store.folder.absolute), FileText.exists(kept) else { return nil }
        return Set(FileManager.default.subpaths(atPath: kept) ?? [])
    }

    /// Whether a folder holds nothing besides what one of some publications put there: runs that overlap end in another order than
    /// they published, and an operator may have restored an earlier version.
    ///
    /// The names of a version that is kept say enough: to compare the content would read all of the folder before each run.
    private static func isAsPublished(
        _ path: String, _ names: Set<String>, by publications: [Publication], _ store: RunStore
    ) -> Bool {
        var hashes: [String] = []
        for (index, publication) in publications.enumerated() {
            if let own = keptNames(of: publication, store) {
                if names.isSubset(of: own) { return true }
            } else if let hash = publication.artifact.contentHash {
                hashes.append(hash)
            } else if index == 0 {
                return true
            }
        }
        return !hashes.isEmpty && ContentHash.of(path: path).map(hashes.contains) == true
    }
}
