/// What folders called `name=value` say of the Parquet files in them.
package enum FolderColumns: Sendable, Hashable {
    case ignored
    /// Columns, whose types the engine finds.
    case asFound
    /// Columns of these types, by the engine's names: each file by itself would tell another type.
    case typed([String: String])

    /// The names in folders in which all of some files lie, in small letters; none where they differ.
    ///
    /// - Parameter files: Their paths below the folder or bucket that they are looked for in.
    package static func names(above files: [String]) -> Set<String> {
        let names = files.map { file in
            Set(
                file.split(separator: "/").dropLast().compactMap { folder in
                    folder.firstIndex(of: "=").map { folder[..<$0].lowercased() }
                })
        }
        return Set(names).count == 1 ? names[0] : []
    }
}
