import CaudalModel
import Foundation

/// Finds what has arrived for a schedule that waits for it: datasets that other pipelines published, and files that have settled.
struct ArrivalWatch {
    let store: RunStore
    /// The folder from which the patterns of files start.
    let root: String
    let hashes: ArrivalHashes

    /// How long until a file that is being read is looked at again, in milliseconds.
    private static let readingPause: Int64 = 250

    /// Looks for what has arrived since the last look, and records it.
    ///
    /// - Parameters:
    ///   - isNew: Whether the schedule has just become known: what is there then has arrived before it.
    ///   - now: In milliseconds since 1970.
    ///   - tell: Told of a pattern whose files cannot be found; the others are looked for all the same.
    /// - Returns: When to look again at a file that has not settled yet; nil when there is none.
    func look(
        for awaited: Schedule.Arrivals, _ key: ScheduleKey, isNew: Bool, now: Int64, tell: (String) -> Void
    ) throws(StoreError) -> Int64? {
        let known = try store.arrivals(of: key)
        var found: [Arrival] = []
        // Each arrival has a slot of its own, also those of one moment.
        var slot = max(now, (known.compactMap(\.slot).max() ?? 0) + 1)
        func add(_ source: String, _ version: String, _ mark: String = "") {
            let isKnown = known.contains { $0.source == source && $0.version == version }
            found.append(Arrival(source: source, version: version, mark: mark, slot: isNew ? nil : slot))
            if !isNew, !isKnown { slot += 1 }
        }
        for dataset in awaited.datasets.map(\.value) {
            let source = "\(dataset.pipeline)/\(dataset.dataset)"
            for published in try store.publications(of: dataset.dataset, by: dataset.pipeline)
            where !known.contains(where: {
                $0.source == source && $0.isPublication(by: published.run, at: published.at)
            }) {
                add(source, Arrival.version(of: published.run, at: published.at))
            }
        }
        var again: Int64?
        for pattern in awaited.files {
            let paths: [String]
            do throws(Failure) { paths = try Glob.files(matching: PathText.absolute(pattern.value, in: root)) } catch {
                tell("\(key): nothing can arrive: \(error.message)")
                continue
            }
            for path in paths {
                guard FileText.isFile(path), let mark = FileMark(path) else { continue }
                let source = PathText.relative(path, to: root)
                let text = Self.text(of: mark)
                if known.contains(where: { $0.source == source && $0.mark == text }) { continue }
                // The change time cannot be set: whoever writes to the file or renames it changes it.
                let settled = (mark.changed ?? mark.modified) / 1_000_000 + awaited.settle.milliseconds
                if settled > now, !isNew {
                    again = min(again ?? .max, settled)
                } else {
                    switch hashes.hash(of: path, mark, atOnce: isNew) {
                    case .hash(let hash): add(source, hash, text)
                    case .pending: again = min(again ?? .max, now + Self.readingPause)
                    case .unreadable: break
                    }
                }
            }
        }
        if !found.isEmpty { try store.record(found, for: key) }
        return again
    }

    private static func text(of mark: FileMark) -> String {
        "\(mark.sizeInBytes) \(mark.modified) \(mark.inode) \(mark.changed ?? 0)"
    }
}
