// Imported for `stat`: its members belong to whichever C module is imported first.
import CaudalModel
import CSystem
import Foundation

/// Caches what a version of DuckDB reported about queries, in the project's state folder.
///
/// The cache can be lost without harm: missing entries are asked for again.
struct QueryCache {
    /// The content of the cache file.
    struct Contents: Codable {
        /// The program that gave the answers.
        var program = ""
        var functions = EngineFunctions()
        /// Readings by the text of the query.
        var readings: [String: QueryReading] = [:]
    }

    /// Counts what is looked for in queries: what an older program found may be less.
    private static let edition = 3

    /// The maximum number of cached queries; edited files leave old texts behind.
    private static let limit = 2000

    private let file: String
    private let program: String

    /// The cache of a project; it creates no state folder.
    init(program: String, root: String, variables: [String: String]) {
        let chosen = variables["CAUDAL_STATE"].flatMap { $0.isEmpty ? nil : $0 } ?? ".caudal"
        file = PathText.absolute(chosen, in: root) + "/queries.json"
        var status = stat()
        stat(program, &status)
        self.program = "\(program) \(status.st_size) \(status.st_mtim.tv_sec) \(Version.text) \(Self.edition)"
    }

    /// The cached answers of this program; empty if another version of it or of Caudal wrote them, or the file is
    /// damaged.
    var contents: Contents {
        guard let bytes = try? FileText.bytes(file),
            let contents = try? JSONDecoder().decode(Contents.self, from: Data(bytes)), contents.program == program
        else { return Contents(program: program) }
        return contents
    }

    /// Stores answers as far as there is room, those for the texts in `first` before all others.
    func keep(_ contents: Contents, first: Set<String>) {
        guard FileText.exists(PathText.folder(of: file)) else { return }
        var contents = contents
        if contents.readings.count > Self.limit {
            contents.readings = contents.readings.filter { first.contains($0.key) }
        }
        let passing = "\(file).\(getpid())"
        // What cannot be stored is asked for again.
        do throws(Failure) {
            try FileText.write(JSONText.encoded(contents), to: passing, isPrivate: true)
        } catch { return }
        rename(passing, file)
    }
}
