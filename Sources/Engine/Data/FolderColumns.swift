package import CaudalModel

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

    /// The columns that folders stand for, among all that an engine finds; such as 0x10, of which it makes a number, are texts.
    ///
    /// - Parameter files: The files' paths, as those of ``names(above:)``.
    package static func columns(_ names: Set<String>, among found: [Column], above files: [String]) -> [Column] {
        found.filter { names.contains($0.name.lowercased()) }.map { column in
            guard column.type == .integer else { return column }
            let prefix = column.name.lowercased() + "="
            let values = files.flatMap { $0.split(separator: "/").dropLast() }
                .filter { $0.lowercased().hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
            let isNumber = values.allSatisfy { $0.wholeMatch(of: #/-?[0-9]+/#) != nil || $0 == PathComponent.missing }
            return isNumber ? column : Column(column.name, .text)
        }
    }
}
