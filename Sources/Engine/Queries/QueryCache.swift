// For stat, whose members belong to whichever C module is read first.
import CSystem
import Foundation

/// What a version of DuckDB has said of queries, kept in the state folder of a project.
///
/// Nothing is lost with it: what is not there is asked again.
struct QueryCache {
    /// What is kept.
    struct Contents: Codable {
        /// The program that said it.
        var program = ""
        /// The functions whose answer does not follow from the data.
        var volatile: Set<String> = []
        /// Readings by the text of the query.
        var readings: [String: QueryReading] = [:]
    }

    /// How many queries are kept; files that are edited leave the texts behind that they had.
    private static let limit = 2000

    private let file: String
    private let program: String

    /// The cache of a project; where nothing is kept of it yet, nothing is made.
    init(program: String, root: String, variables: [String: String]) {
        let chosen = variables["CAUDAL_STATE"].flatMap { $0.isEmpty ? nil : $0 } ?? ".caudal"
        file = PathText.absolute(chosen, in: root) + "/queries.json"
        var status = stat()
        stat(program, &status)
        self.program = "\(program) \(status.st_size) \(status.st_mtim.tv_sec) \(Version.text)"
    }

    /// What this program has said; nothing where another version of it or of Caudal kept it, or what is there is torn.
    var contents: Contents {
        guard let bytes = try? FileText.bytes(file),
            let contents = try? JSONDecoder().decode(Contents.self, from: Data(bytes)), contents.program == program
        else { return Contents(program: program) }
        return contents
    }

    /// Keeps what was said, as far as there is room: `first` the texts that are in use now.
    func keep(_ contents: Contents, first: Set<String>) {
        guard FileText.exists(PathText.folder(of: file)) else { return }
        var contents = contents
        if contents.readings.count > Self.limit {
            contents.readings = contents.readings.filter { first.contains($0.key) }
        }
        // What cannot be kept is asked again.
        guard let bytes = try? JSONEncoder().encode(contents) else { return }
        let passing = "\(file).\(getpid())"
        do throws(Failure) {
            try FileText.write(String(decoding: bytes, as: UTF8.self), to: passing, isPrivate: true)
        } catch { return }
        rename(passing, file)
    }
}
