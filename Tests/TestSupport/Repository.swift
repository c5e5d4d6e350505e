import Foundation

/// The checkout that the tests stand in.
package enum Repository {
    /// Its folder.
    package static let root: String = {
        let parts = #filePath.split(separator: "/")
        return "/" + parts.dropLast(3).joined(separator: "/")
    }()

    /// The absolute path of a file in it.
    package static func path(_ file: String) -> String { root + "/" + file }

    /// The built program: the one that `CAUDAL_PROGRAM` names (`make test` names the release build), or that of the tests.
    package static let program: String =
        ProcessInfo.processInfo.environment["CAUDAL_PROGRAM"].map { $0.hasPrefix("/") ? $0 : path($0) }
        ?? path(".build/debug/caudal")
}
