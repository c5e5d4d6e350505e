import CaudalModel
import Foundation

/// A page of the list of a bucket's objects, as S3 answers it.
struct ObjectListing: Sendable, Hashable {
    var objects: [StoredObject] = []
    /// Where the next page begins; nil on the last one.
    var next: String?

    /// Reads an answer.
    ///
    /// - Returns: nil for one that is no whole list: half of a list would be half of the data.
    init?(_ text: String) {
        guard text.contains("</ListBucketResult>") else { return nil }
        let isEncoded = Self.value("EncodingType", of: text) == "url"
        for part in text.split(separator: "<Contents>", omittingEmptySubsequences: false).dropFirst() {
            guard let end = part.firstRange(of: "</Contents>") else { return nil }
            let entry = String(part[..<end.lowerBound])
            guard let written = Self.value("Key", of: entry),
                let size = Self.value("Size", of: entry).flatMap({ Int64($0) })
            else { return nil }
            // Encoded, a blank is a plus sign, as in forms.
            let key = isEncoded ? written.replacing(scalar: "+", with: " ").removingPercentEncoding : written
            guard let key else { return nil }
            objects.append(
                StoredObject(
                    key: key, mark: Self.value("ETag", of: entry) ?? "", size: size,
                    changed: Self.value("LastModified", of: entry) ?? ""))
        }
        if let count = Self.value("KeyCount", of: text).flatMap({ Int($0) }), count != objects.count { return nil }
        guard let isCut = Self.value("IsTruncated", of: text) else { return nil }
        if isCut == "true" {
            guard let token = Self.value("NextContinuationToken", of: text) else { return nil }
            next = token
        }
    }

    /// The text of an element, without what XML writes in its own ways.
    private static func value(_ name: String, of text: String) -> String? {
        guard let start = text.firstRange(of: "<\(name)>"),
            let end = text[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        let written = [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&amp;", "&"),
        ]
        return written.reduce(String(text[start.upperBound..<end.lowerBound])) { $0.replacing($1.0, with: $1.1) }
    }
}
