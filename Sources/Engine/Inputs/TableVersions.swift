import CaudalModel
import Foundation
import Synchronization

/// Which versions of tables a run reads: those that it finds first, for all of its stages, items and attempts.
package final class TableVersions: Sendable {
    private let file: String?
    private let known: Mutex<[String: String]>
    /// Why the versions that the run has read are not known any more.
    private let fault: Failure?

    /// - Parameter file: Where a run notes them; nil outside of runs, where the newest is read.
    package init(file: String? = nil) {
        self.file = file
        var (known, fault): ([String: String], Failure?) = ([:], nil)
        if let file, FileText.exists(file) {
            do {
                known = try JSONDecoder().decode([String: String].self, from: Data(FileText.bytes(file)))
            } catch {
                // The newest version may be another one than what stages before have read.
                fault = Failure(
                    "which versions of its tables the run reads cannot be read any more: \(error.reason)",
                    remedy: "run the pipeline anew")
            }
        }
        self.known = Mutex(known)
        self.fault = fault
    }

    /// The version of a table.
    ///
    /// - Throws: ``Failure`` when there is none, or it cannot be noted.
    func version(
        of key: String, find: () throws(Failure) -> TableVersion
    ) throws(Failure) -> TableVersion {
        guard let file else { return try find() }
        if let fault { throw fault }
        return try known.withLock { known throws(Failure) -> TableVersion in
            if let mark = known[key] { return TableVersion(folder: key, mark: mark) }
            let version = try find()
            do {
                let noted = try JSONEncoder().encode(known.merging([version.folder: version.mark]) { $1 })
                try FileText.replace(String(decoding: noted, as: UTF8.self), at: file)
            } catch {
                throw Failure("which version of \(version.folder) is read cannot be noted: \(error.reason)")
            }
            known[version.folder] = version.mark
            return version
        }
    }
}
