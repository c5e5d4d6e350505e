import CaudalModel
import Foundation

/// Replaces secrets by `••••` in all text that leaves the engine: logs, events, reports, the screen.
///
/// It finds a secret as plain text, in the usual encodings (see ``SecretPattern``), in base64 even as a part of a
/// longer text, and in hexadecimal.
package struct SecretMasker: Sendable {
    private let patterns: [SecretPattern]
    private let encoded: [EncodedSecret]
    /// For each byte, the indices of the patterns and encoded secrets that may begin with it.
    private let starts: [[Int]]
    private let encodedStarts: [[Int]]
    private static let mask = Array(SecretNames.replacement.utf8)

    /// Shorter values would match harmless text too often.
    static let minimumLength = 4

    /// A masker for these values.
    package init(secrets: some Sequence<String>) {
        var values: Set<String> = []
        for secret in secrets {
            let trimmed = secret.trimmingCharacters(in: .whitespacesAndNewlines)
            // A secret of several lines is also masked line by line.
            for text in [trimmed] + trimmed.split(whereSeparator: \.isNewline).map(String.init)
            where text.utf8.count >= Self.minimumLength {
                values.insert(text)
            }
        }
        let sorted = values.sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
        patterns = sorted.map(SecretPattern.init)
        encoded = sorted.flatMap(EncodedSecret.forms)
        var starts = [[Int]](repeating: [], count: 256)
        var encodedStarts = starts
        for (place, pattern) in patterns.enumerated() {
            for byte in pattern.firstBytes { starts[Int(byte)].append(place) }
        }
        for (place, form) in encoded.enumerated() {
            for byte in form.firstBytes { encodedStarts[Int(byte)].append(place) }
        }
        (self.starts, self.encodedStarts) = (starts, encodedStarts)
    }

    /// Whether there are no secrets to mask.
    package var isEmpty: Bool { patterns.isEmpty }

    /// The text with its secrets masked.
    package func masked(_ text: String) -> String {
        guard !isEmpty else { return text }
        var text = text
        return text.withUTF8 { bytes in withMasked(bytes) { String(decoding: $0, as: UTF8.self) } }
    }

    /// Calls `body` with the bytes, their secrets masked.
    package func withMasked<Result>(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Result)
        -> Result
    {
        guard let clean = masked(bytes) else { return body(bytes) }
        return clean.withUnsafeBufferPointer(body)
    }

    /// The bytes with their secrets masked, or nil when they contain none.
    private func masked(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8]?
        var copied = 0
        var place = 0
        while place < bytes.count {
            guard var found = match(bytes, at: place) else {
                place += 1
                continue
            }
            // A secret that begins inside of this one and ends after it must not show its end.
            var inner = found.lowerBound + 1
            while inner < found.upperBound {
                if let other = match(bytes, at: inner), other.upperBound > found.upperBound,
                    other.lowerBound < found.upperBound
                {
                    found = found.lowerBound..<other.upperBound
                }
                inner += 1
            }
            var text = result ?? []
            text.append(contentsOf: bytes[copied..<max(copied, found.lowerBound)])
            text += Self.mask
            result = text
            (copied, place) = (found.upperBound, found.upperBound)
        }
        result?.append(contentsOf: bytes[copied...])
        return result
    }

    /// The longest secret that begins at a place.
    private func match(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Range<Int>? {
        let byte = Int(bytes[place])
        var end: Int?
        for index in starts[byte] {
            if let found = patterns[index].match(bytes, at: place), found > end ?? 0 { end = found }
        }
        var start = place
        for index in encodedStarts[byte] {
            if let found = encoded[index].match(bytes, at: place), found.upperBound > end ?? 0 {
                (start, end) = (found.lowerBound, found.upperBound)
            }
        }
        return end.map { start..<$0 }
    }

    /// The length of a truncated text that may be shown: a prefix of a secret at its end is left out.
    package func lengthBeforeCutSecret(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard !isEmpty else { return bytes.count }
        // No secret is longer than this in any encoding that fits on one line.
        for place in max(0, bytes.count - 4096)..<bytes.count {
            let byte = Int(bytes[place])
            if starts[byte].contains(where: { patterns[$0].match(bytes, at: place, .cut) == bytes.count })
                || encodedStarts[byte].contains(where: { encoded[$0].isCut(bytes, at: place) })
            {
                return place
            }
        }
        return bytes.count
    }
}
