import CaudalModel
import Foundation

/// A version of a table that is a folder, as Delta and Iceberg keep them.
package struct TableVersion: Sendable, Hashable {
    /// The absolute path of the table's folder.
    package var folder: String
    /// The number of a version of Delta; of Iceberg the path of the file that describes it.
    package var mark: String

    /// The version in messages.
    package var words: String { mark.contains("/") ? PathText.lastComponent(of: mark) : "version \(mark)" }

    /// The newest version of a table.
    ///
    /// - Throws: ``Failure`` when there is no such table, or it does not tell its newest version.
    static func newest(
        of table: String, in path: String, _ kind: Connection.Kind, root: String
    ) throws(Failure) -> TableVersion {
        let folder = table == "." ? path : path + "/" + table
        let shown = PathText.relative(folder, to: root)
        if kind == .delta {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/_delta_log")) ?? []
            // Each version has a file of its own, until a checkpoint stands for it and those before.
            let numbers = names.compactMap { name in
                name.wholeMatch(of: #/(\d{20})\.(json|checkpoint\..*parquet)/#).flatMap { Int64($0.output.1) }
            }
            guard let newest = numbers.max() else {
                throw Failure(
                    FileText.isFolder(folder)
                        ? "\(shown) is no Delta table: it has no versions in a folder '_delta_log'"
                        : "there is no Delta table \(shown): there is no such folder",
                    remedy: "correct 'table', or the path of the connection", kind: .missingTable)
            }
            return TableVersion(folder: folder, mark: String(newest))
        }
        if table.hasSuffix(".metadata.json") {
            guard FileText.exists(folder) else {
                throw Failure("there is no \(shown)", remedy: "correct 'table'", kind: .missingTable)
            }
            return TableVersion(folder: folder, mark: folder)
        }
        let metadata = folder + "/metadata"
        guard FileText.isFolder(metadata) else {
            throw Failure(
                "there is no Iceberg table \(shown): it has no folder 'metadata'",
                remedy: "correct 'table', or the path of the connection", kind: .missingTable)
        }
        // Of the files there the highest may be one that was never committed: only a catalog, or the hint, knows.
        guard let hint = try? FileText.read(metadata + "/version-hint.text").trimmed, !hint.isEmpty else {
            throw Failure(
                "\(shown) does not tell its newest version: it has no 'metadata/version-hint.text', which only some catalogs write",
                remedy: "name the file that the catalog tells: 'table: \(table)/metadata/….metadata.json'")
        }
        for name in ["v\(hint).metadata.json", "\(hint).metadata.json", hint] {
            let file = metadata + "/" + name
            if FileText.exists(file) { return TableVersion(folder: folder, mark: file) }
        }
        throw Failure(
            "\(shown) has no file for its version '\(hint.shortened(to: 60))'",
            remedy: "look at 'metadata/version-hint.text' there")
    }
}
