/// The checkout that the tests stand in.
package enum Repository {
    /// Its folder.
    package static let root: String = {
        let parts = #filePath.split(separator: "/")
        return "/" + parts.dropLast(3).joined(separator: "/")
    }()

    /// The absolute path of a file in it.
    package static func path(_ file: String) -> String { root + "/" + file }
}
