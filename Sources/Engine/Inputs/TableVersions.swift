import CaudalModel
import Foundation
import Synchronization

/// Which versions of tables a run reads: those that it finds first, for all of its stages, items and attempts.
package final class TableVersions: Sendable {
    private let file: String?
    private let known: Mutex<[String: String]>

    /// - Parameter file: Where a run notes them; nil outside of runs, where the newest is read.
    package init(file: String? = nil) {
        self.file = file
        let bytes = file.flatMap { try? FileText.bytes($0) } ?? []
        known = Mutex((try? JSONDecoder().decode([String: String].self, from: Data(bytes))) ?? [:])
    }

    /// The version of a table.
    ///
    /// - Throws: ``Failure`` when there is none, or it cannot be noted.
    func version(
        of key: String, find: () throws(Failure) -> TableVersion
    ) throws(Failure) -> TableVersion {
        guard let file else { return try find() }
        return try known.withLock { known throws(Failure) -> TableVersion in
            if let mark = known[key] { return TableVersion(folder: key, mark: mark) }
            let version = try find()
            known[version.folder] = version.mark
            guard let text = try? JSONEncoder().encode(known) else { return version }
            try FileText.replace(String(decoding: text, as: UTF8.self), at: file)
            return version
        }
    }
}
