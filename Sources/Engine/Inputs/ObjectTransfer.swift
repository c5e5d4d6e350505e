import CaudalModel
import Foundation

/// Puts objects into a bucket, and asks for what is told of them, by `curl`.
///
/// A put is one request with the whole content, which the store takes or not: a reader finds the old object or the new
/// one, whatever ends this process or that program in between.
struct ObjectTransfer: Sendable {
    private let store: ObjectStore
    private let link: DatabaseLink
    private let client: HTTPClient

    /// - Returns: nil for a connection to a database.
    init?(_ link: DatabaseLink, _ client: HTTPClient) {
        guard let store = link.store else { return nil }
        self.store = store
        self.link = link
        self.client = client
    }

    /// What the store tells of an object.
    struct Object: Sendable {
        var stored: StoredObject
        /// The fields that whoever put it there added.
        var notes: [String: String]
    }

    /// The largest content that a store takes in one request, in bytes.
    static let limit: Int64 = 5 << 30

    /// The names of the fields that tell which load put an object there.
    private static let fields = ["run", "stage", "pipeline", "mode"]

    /// The load that put an object there; nil where there is none, or another program did.
    ///
    /// - Throws: ``Failure`` when the store does not answer, or does not allow it.
    func load(of key: String) async throws(Failure) -> RecordedLoad? {
        guard let notes = try await look(at: key)?.notes, let run = notes["run"], let stage = notes["stage"] else {
            return nil
        }
        return RecordedLoad(
            key: LoadRecord.Key(run: RunID(run), stage: StageID(stage)), pipeline: notes["pipeline"] ?? "",
            mode: notes["mode"] ?? "")
    }

    /// What the store tells of an object; nil where there is none.
    ///
    /// - Throws: ``Failure`` when the store does not answer, or does not allow it.
    func look(at key: String) async throws(Failure) -> Object? {
        let answer = try await make(
            key, [("head", nil), ("max-time", "60")], digest: ContentDigest.ofNothing, for: nil)
        if answer.status == 404 { return nil }
        guard answer.status == 200 else { throw fault("tells nothing of", key, answer) }
        let fields = RemoteReader.fields(answer.text)
        let notes = fields.filter { $0.key.hasPrefix(Self.prefix) }.map { name, value in
            (String(name.dropFirst(Self.prefix.count)), value.removingPercentEncoding ?? value)
        }
        let stored = StoredObject(
            key: key, mark: fields["etag"] ?? "", size: fields["content-length"].flatMap { Int64($0) },
            changed: fields["last-modified"] ?? "")
        return Object(stored: stored, notes: Dictionary(notes) { first, _ in first })
    }

    private static let prefix = "x-amz-meta-caudal-"

    /// Puts a file in the place of an object.
    ///
    /// - Throws: ``Failure`` when the store did not take it: then the object is as it was, or the answer was lost.
    func put(
        _ file: String, as key: String, by load: LoadRecord.Key, pipeline: String, mode: LoadMode,
        for attempt: AttemptControl
    ) async throws(Failure) {
        let size = FileText.size(file) ?? 0
        guard size <= Self.limit else {
            throw Failure(
                "\(store.url(of: key)) would have \(size.shortBytes), and a store takes \(Self.limit.shortBytes) in one step",
                remedy: "divide the rows over several objects")
        }
        let values = [load.run.rawValue, load.stage.rawValue, pipeline, mode.rawValue]
        let notes = zip(Self.fields, values).map { name, value in
            let plain = value.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? ""
            return ("header", Optional("\(Self.prefix)\(name): \(plain)"))
        }
        let answer = try await make(
            key,
            [
                ("upload-file", file), ("header", "content-type: application/vnd.apache.parquet"),
                // A transfer that stands still is given up; one that goes on may take as long as it needs.
                ("speed-limit", "1"), ("speed-time", "60"),
            ] + notes, digest: try ContentDigest.sha256(ofFile: file), for: attempt)
        if attempt.stopReason != nil, answer.status != 200 { throw Failure("it was stopped while it put the object") }
        guard answer.status == 200 else { throw fault("did not take", key, answer) }
    }

    private func make(
        _ key: String, _ settings: [HTTPClient.Setting], digest: String, for attempt: AttemptControl?
    ) async throws(Failure) -> HTTPClient.Answer {
        try await client.send(
            store.address(of: key), store.signature(link.environment, digest: digest) + settings, for: attempt,
            isWork: attempt != nil)
    }

    private func fault(_ what: String, _ key: String, _ answer: HTTPClient.Answer) -> Failure {
        answer.failure(of: store, what, key, link)
    }
}

extension HTTPClient.Answer {
    /// Why a store did not do what it was asked for, in its own words where it has some.
    func failure(of store: ObjectStore, _ what: String, _ key: String, _ link: DatabaseLink) -> Failure {
        var reason = status != 0 ? "it answered \(status)" : fault ?? "it did not answer"
        for name in ["Code", "Message"] {
            guard let start = text.firstRange(of: "<\(name)>"),
                let end = text[start.upperBound...].firstRange(of: "</\(name)>")
            else { continue }
            reason += ": \(text[start.upperBound..<end.lowerBound])".shortened(to: 200)
        }
        return Failure(
            "\(store.description) \(what) \(key): \(reason)",
            remedy: [401, 403].contains(status)
                ? "look at the key of connection '\(link.name)' and what it may do"
                : "look at the connection '\(link.name)' and whether the store is up", location: link.location)
    }
}
