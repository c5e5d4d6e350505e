package import CaudalModel
import Foundation

/// Keeps a project's store within what its pipeline files say, once a day, also for pipelines that do not run any more.
package struct ProjectUpkeep: Sendable {
    private let store: RunStore
    private let root: String
    private let chosenRoot: String?
    private let variables: [String: String]

    /// How long it waits after the last time, in milliseconds.
    private static let distance: Int64 = 86_400_000

    /// The folders and variables are those of ``ProjectFiles``.
    package init(store: RunStore, root: String, chosenRoot: String?, variables: [String: String]) {
        self.store = store
        self.root = root
        self.chosenRoot = chosenRoot
        self.variables = variables
    }

    /// Carries out `retention` of every pipeline and gives free space of the store back to the disk, if a day has passed
    /// since that was last done, by whichever process.
    ///
    /// - Returns: What there is to tell the operator, a line each: what was removed, and what could not be.
    package func carryOutIfDue(now: Moment) -> [String] {
        let mark = store.folder.scheduler + "/upkeep"
        // A mark of the future is of a clock that was set back.
        if let last = FileMark(mark).map({ $0.modified / 1_000_000 }), 0..<Self.distance ~= now.wall - last {
            return []
        }
        do throws(Failure) {
            // Written before, so that what fails is not tried again all the time.
            try FileText.publish(UTC.iso(now.wall) + "\n", at: mark)
        } catch {
            return ["the upkeep of the store could not begin: \(error)"]
        }
        let files = ProjectFiles(root: root, chosenRoot: chosenRoot, variables: variables)
        return files.read(now: now.steady).compactMap(\.pipeline).compactMap { carryOut($0, now) } + shrink()
    }

    private func carryOut(_ pipeline: Pipeline, _ now: Moment) -> String? {
        do {
            let (runs, bytes) = try store.apply(pipeline.retention, to: pipeline.name, now: now)
            if runs == 0, bytes == 0 { return nil }
            return "\(pipeline.name): 'retention' removed \(runs.counted("run")) and freed \(bytes.shortBytes)"
        } catch {
            return "\(pipeline.name): 'retention' could not be carried out: \(error.reason)"
        }
    }

    private func shrink() -> [String] {
        do throws(StoreError) {
            let freed = try store.shrink()
            return freed > 0 ? ["the run store is \(freed.shortBytes) smaller"] : []
        } catch {
            return ["the run store could not be made smaller: \(error)"]
        }
    }
}
