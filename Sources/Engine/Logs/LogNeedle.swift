import CaudalModel
import CSystem
import Foundation

/// Bytes to look for in the log.
package final class LogNeedle: Sendable {
    let text: [UInt8]
    private let folds: Bool
    /// The places of its rarest bytes.
    private let rarest: (Int, Int, Int)

    /// - Parameter folds: Whether ASCII capitals and small letters count as the same.
    package init(_ text: [UInt8], folds: Bool = false) {
        precondition(!text.isEmpty, "nothing to look for")
        self.text = text
        self.folds = folds
        rarest = text.withUnsafeBufferPointer { bytes in
            var needle = cs_needle(
                bytes: bytes.baseAddress, size: bytes.count, folds: folds ? 1 : 0, rarest: (0, 0, 0))
            cs_needle_prepare(&needle)
            return needle.rarest
        }
    }

    /// The needle as the log has it within a text: escaped as JSON.
    package convenience init(escaped text: String, folds: Bool) {
        var bytes: [UInt8] = []
        JSONText.append(text, to: &bytes)
        self.init(Array(bytes.dropFirst().dropLast()), folds: folds)
    }

    /// Its first place in `text` at `start` or behind.
    func place(in bytes: UnsafeBufferPointer<UInt8>, from start: Int = 0) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        return text.withUnsafeBufferPointer { own in
            var needle = cs_needle(
                bytes: own.baseAddress, size: own.count, folds: folds ? 1 : 0, rarest: rarest)
            let place = cs_find(base, bytes.count, start, &needle)
            return place < bytes.count ? place : nil
        }
    }
}
