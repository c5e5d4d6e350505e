package import Foundation

/// A folder of a test's own, gone when the test is over.
package final class ScratchFolder: Sendable {
    /// Its absolute path.
    package let path: String

    package init() throws {
        path = URL(fileURLWithPath: NSTemporaryDirectory()).path + "/caudal-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The absolute path of a file in it.
    package func path(_ file: String) -> String { path + "/" + file }

    /// Writes a file, making the folders on the way.
    ///
    /// - Returns: Its absolute path.
    @discardableResult
    package func write(_ file: String, _ text: String) throws -> String { try write(file, Data(text.utf8)) }

    /// Writes the bytes of a file, making the folders on the way.
    ///
    /// - Returns: Its absolute path.
    @discardableResult
    package func write(_ file: String, _ bytes: Data) throws -> String {
        let place = path(file)
        let folder = URL(fileURLWithPath: place).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try bytes.write(to: URL(fileURLWithPath: place))
        return place
    }
}
