import CaudalModel
import Foundation

/// Fetches files from servers, whole or not at all, so that they are read as files of this machine are.
struct RemoteReader: Sendable {
    /// Where the files of a dataset lie, and who is told of them.
    struct Request: Sendable {
        var dataset: Dataset
        var remote: RemoteFiles
        /// Its name with its references filled in; `*` stands for an item's value that is not known.
        var name: String
    }

    let tables: TableReader
    private var tools: DataTools { tables.tools }

    /// Fetches the files of a dataset, sorted by their addresses.
    ///
    /// - Throws: ``Failure`` when one of them is not there, or is not had as a whole.
    func fetch(_ request: Request) async throws(Failure) -> [FetchedFiles.Version] {
        do throws(Failure) {
            guard let name = request.remote.connection else { return [try await fetch(request.name, [], request)] }
            let connection = try tables.connection(name)
            guard connection.kind == .s3 else {
                let server = WebServer(connection, value: tables.value)
                return [try await fetch(server.address(of: request.name), server.credentials, request)]
            }
            return try await objects(
                request, try tables.link(of: ConnectionTable(connection: name, name: request.name)))
        } catch {
            throw Failure(
                error.message, remedy: error.remedy, location: error.location ?? request.dataset.placeLocation,
                kind: error.kind)
        }
    }

    // MARK: - Addresses

    private func fetch(
        _ address: String, _ credentials: [HTTPClient.Setting], _ request: Request
    ) async throws(Failure) -> FetchedFiles.Version {
        if let fault = Self.fault(of: address) { throw Failure(fault) }
        // A redirection is followed, and never from a protected connection to an open one.
        let isSecure = address.lowercased().hasPrefix("https://")
        let settings: [HTTPClient.Setting] = [
            ("location", nil), ("max-redirs", "5"), ("proto-redir", isSecure ? "=https" : "=http,https"),
        ]
        let got = try await get(
            address, as: address, key: "\(request.remote.connection ?? "")\n\(address)", credentials + settings,
            named: Self.fileName(address, request.remote.format))
        if case .unchanged(let version) = got { return version }
        guard case .answer(let answer, let fields, let file) = got else { throw Failure("\(address): no answer") }
        switch answer.status {
        case 200: break
        case 404, 410:
            throw Failure(
                "there is nothing at \(address): it answered \(answer.status)",
                remedy: "correct the address of dataset '\(request.dataset.name)'", kind: .missingTable)
        case 401, 403:
            throw Failure(
                "\(address) may not be read: it answered \(answer.status)",
                remedy: request.remote.connection.map { "look at the user and password of connection '\($0)'" }
                    ?? "give it a connection of type http, with a user and a password")
        case 0:
            throw Failure("\(address) cannot be fetched: \(answer.fault ?? "it did not answer")", remedy: Self.later)
        default: throw Failure("\(address) cannot be fetched: it answered \(answer.status)", remedy: Self.later)
        }
        let type = fields["content-type"]?.lowercased() ?? ""
        if type.hasPrefix("text/html") || type.hasPrefix("application/xhtml") {
            throw Failure(
                "\(address) answered with a page (\(type)) and no data",
                remedy: "look at it in a browser: it may ask for a password")
        }
        return try take(file, fields, answer, address, key: "\(request.remote.connection ?? "")\n\(address)")
    }

    private static let later = "look whether the server is up, and retry"

    /// Why an address cannot be one; nil where it can.
    private static func fault(of address: String) -> String? {
        if address.contains(where: { $0.isWhitespace || $0.isNewline }) || !RemoteFiles.isAddress(address) {
            return "'\(address)' is no address: write blanks as %20, and begin with http:// or https://"
        }
        return nil
    }

    /// The name under which a file is kept: formats and compression are told by its ending.
    static func fileName(_ address: String, _ format: Dataset.Format) -> String {
        var path = address.prefix { $0 != "?" && $0 != "#" }
        if let scheme = path.firstRange(of: "://") { path = path[scheme.upperBound...] }
        let last = path.firstIndex(of: "/") == nil ? "" : String(path.split(separator: "/").last ?? "")
        let plain = PathComponent.of(last.removingPercentEncoding ?? last)
        let isOfFormat = Dataset.Format(path: plain) == format
        return isOfFormat && plain.utf8.count < 200 ? plain : "data.\(format.rawValue)"
    }

    // MARK: - Objects

    private func objects(_ request: Request, _ link: DatabaseLink) async throws(Failure) -> [FetchedFiles.Version] {
        guard let store = link.store else { return [] }
        let key = request.name
        guard PlaceRules.isPattern(key) else {
            return [try await object(StoredObject(key: key, mark: ""), store, link, request)]
        }
        let found = try await found(key, link)
        if found.isEmpty {
            throw Failure(
                "there is no object that matches '\(key)' in \(store.description)",
                remedy: "correct 'table' of dataset '\(request.dataset.name)', or put the object there",
                kind: .missingTable)
        }
        var versions: [FetchedFiles.Version] = []
        for object in found { versions.append(try await self.object(object, store, link, request)) }
        return versions
    }

    /// The objects that a key or a pattern means, as they are now, sorted by their keys.
    ///
    /// - Throws: ``Failure`` when the store does not answer, or does not allow it.
    func found(_ key: String, _ link: DatabaseLink) async throws(Failure) -> [StoredObject] {
        guard let store = link.store else { return [] }
        guard PlaceRules.isPattern(key) else {
            return [try await tables.objects(link)?.look(at: key)?.stored].compactMap { $0 }
        }
        return try await list(key, store, link).filter { object in
            // What programs put there that show folders holds nothing.
            Glob.matches(object.key, key) && !(object.key.hasSuffix("/") && object.size == 0)
        }.sorted { $0.key < $1.key }
    }

    /// A file with the content of an object, which was fetched in one piece.
    ///
    /// - Throws: ``Failure`` when it is not had as a whole.
    func file(of object: StoredObject, _ link: DatabaseLink, _ dataset: Dataset) async throws(Failure) -> String {
        guard let store = link.store else { return "" }
        let remote = RemoteFiles(connection: link.name, name: Template(text: object.key), format: .parquet)
        return try await self.object(object, store, link, Request(dataset: dataset, remote: remote, name: object.key))
            .file
    }

    /// The objects whose keys begin as a pattern does.
    private func list(
        _ pattern: String, _ store: ObjectStore, _ link: DatabaseLink
    ) async throws(Failure) -> [StoredObject] {
        let prefix = String(pattern.prefix { !"*?[".contains($0) })
        var (found, next): ([StoredObject], String?) = ([], nil)
        repeat {
            // In the order of their names, as a signature wants them.
            let query = [
                next.map { ("continuation-token", $0) }, ("encoding-type", "url"), ("list-type", "2"),
                ("prefix", prefix),
            ].compactMap { $0 }
            let answer = try await tables.client.send(
                store.address(query: query),
                store.signature(link.environment, digest: ContentDigest.ofNothing) + [("max-time", "60")],
                for: .asking)
            guard answer.status == 200, answer.fault == nil else {
                throw answer.failure(of: store, "does not list", pattern, link)
            }
            guard let page = ObjectListing(answer.text), page.next != next || next == nil else {
                throw Failure("\(store.description) answered with no whole list of \(pattern)", remedy: Self.later)
            }
            found += page.objects
            next = page.next
        } while next != nil
        return found
    }

    /// Fetches an object; one that is listed must be as it was when it was listed.
    private func object(
        _ object: StoredObject, _ store: ObjectStore, _ link: DatabaseLink, _ request: Request
    ) async throws(Failure) -> FetchedFiles.Version {
        let (address, name) = (store.address(of: object.key), store.url(of: object.key))
        let key = "\(link.name)\n\(address)"
        var settings = store.signature(link.environment, digest: ContentDigest.ofNothing)
        if !object.mark.isEmpty { settings.append(("header", "if-match: \(object.mark)")) }
        let got = try await get(
            address, as: name, key: key, settings, named: Self.fileName("/" + object.key, request.remote.format),
            wanted: object.mark)
        if case .unchanged(let version) = got { return version }
        guard case .answer(let answer, let fields, let file) = got else { throw Failure("\(name): no answer") }
        if answer.status == 404 {
            throw Failure(
                "there is no object '\(object.key)' in \(store.description)",
                remedy: "correct 'table' of dataset '\(request.dataset.name)', or put the object there",
                kind: .missingTable)
        }
        if answer.status == 412 {
            throw Failure("\(name) was replaced while it was read", remedy: "retry the stage")
        }
        guard answer.status == 200 else { throw answer.failure(of: store, "does not give", object.key, link) }
        let version = try take(file, fields, answer, name, key: key)
        if let size = object.size, FileText.size(file) != size {
            throw Failure("\(name) has another size than the list says", remedy: "retry the stage")
        }
        return version
    }

    // MARK: - Fetching

    private enum Got {
        case unchanged(FetchedFiles.Version)
        case answer(HTTPClient.Answer, fields: [String: String], file: String)
    }

    /// Fetches what is at an address, unless it is known and unchanged.
    ///
    /// `key`: what a version is known by; `wanted`: the mark of the version that is meant, where it is known.
    private func get(
        _ address: String, as name: String, key: String, _ settings: [HTTPClient.Setting], named fileName: String,
        wanted: String = ""
    ) async throws(Failure) -> Got {
        let known = tools.fetched[key].flatMap { FileText.exists($0.file) ? $0 : nil }
        if let known, let mark = known.mark, mark == wanted { return .unchanged(known) }
        let folder = try tools.fetched.newFolder()
        let (file, head) = (folder + "/" + fileName, folder + "/.head")
        var all =
            settings + [
                ("output", file), ("dump-header", head), ("retry-all-errors", nil), ("retry-max-time", "300"),
                // A transfer that stands still is given up; one that goes on may take as long as it needs.
                ("speed-limit", "1"), ("speed-time", "60"),
            ]
        if wanted.isEmpty, let mark = known?.mark { all.append(("header", "if-none-match: \(mark)")) }
        var answer = try await tables.client.send(address, all, for: .asking)
        let fields = Self.fields((try? FileText.read(head)) ?? "")
        unlink(head)
        // What else it says stands where the data would.
        if answer.status != 200, FileText.size(file) ?? 0 < 1 << 16 { answer.text = (try? FileText.read(file)) ?? "" }
        if answer.status != 200 { unlink(file) }
        if answer.status == 304, let known {
            rmdir(folder)
            return .unchanged(known)
        }
        return .answer(answer, fields: fields, file: file)
    }

    /// Accepts a file that was fetched.
    ///
    /// - Throws: ``Failure`` for one of which it is not certain that it is whole.
    private func take(
        _ file: String, _ fields: [String: String], _ answer: HTTPClient.Answer, _ name: String, key: String
    ) throws(Failure) -> FetchedFiles.Version {
        if let fault = answer.fault {
            unlink(file)
            throw Failure("\(name) was not fetched as a whole: \(fault)", remedy: Self.later)
        }
        let encoding = fields["content-encoding"]?.lowercased() ?? "identity"
        let isWhatItsNameSays = encoding.hasSuffix("gzip") && file.lowercased().hasSuffix(".gz")
        if encoding != "identity", !encoding.isEmpty, !isWhatItsNameSays {
            throw Failure(
                "\(name) is sent with 'Content-Encoding: \(encoding)', though nobody asked for that",
                remedy: "let its name end in .gz, or store it without that field")
        }
        let size = FileText.size(file) ?? 0
        if let length = fields["content-length"] {
            guard Int64(length) == size else {
                throw Failure("\(name) was not fetched as a whole: \(size) bytes of \(length)", remedy: Self.later)
            }
        } else if fields["transfer-encoding"]?.lowercased() != "chunked", fields[Self.version] == "HTTP/1" {
            throw Failure(
                "the server does not say where \(name) ends, so half of it would look like all of it",
                remedy: "fetch it by a command that can tell, such as by a checksum")
        }
        if size == 0 {
            throw Failure(
                "the input \(name) is empty: it has not even a header", remedy: "look at what should have written it")
        }
        var version = FetchedFiles.Version(address: name, file: file)
        // A weak mark does not stand for the same bytes.
        if let mark = fields["etag"], mark.hasPrefix("\"") { version.mark = mark }
        tools.fetched[key] = version
        return version
    }

    /// The name under which the version of the protocol stands among the fields.
    private static let version = ":version"

    /// The fields of the last answer: those of redirections and of tries before it stand in the same file.
    static func fields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("HTTP/") {
                fields = [version: line.hasPrefix("HTTP/1") ? "HTTP/1" : "HTTP/2"]
                continue
            }
            let parts = line.split(separator: ":", maxSplits: 1).map { String($0).trimmed }
            if parts.count == 2 { fields[parts[0].lowercased()] = parts[1] }
        }
        return fields
    }
}
