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
        let names = Set(files.map(names))
        return names.count == 1 ? names.first ?? [] : []
    }

    /// The names in folders in which only some of the files lie, so that none of the folders are columns.
    package static func names(aboveSomeOf files: [String]) -> Set<String> {
        let names = Set(files.map(names))
        return names.count == 1 ? [] : names.reduce(into: []) { $0.formUnion($1) }
    }

    private static func names(above file: String) -> Set<String> {
        Set(
            file.split(separator: "/").dropLast().compactMap { folder in
                folder.firstIndex(of: "=").map { folder[..<$0].lowercased() }
            })
    }

    /// The columns that folders stand for, among all that an engine finds.
    ///
    /// What it would make another value of, such as a number of 0x10 or a local time of a time with an offset, are texts.
    ///
    /// - Parameter files: The files' paths, as those of ``names(above:)``.
    package static func columns(_ names: Set<String>, among found: [Column], above files: [String]) -> [Column] {
        found.filter { names.contains($0.name.lowercased()) }.map { column in
            let form: Regex<Substring>
            switch column.type {
            case .integer: form = #/-?[0-9]+/#
            case .timestamp, .localTimestamp: form = #/.*[ T][0-9:.]+/#
            default: return column
            }
            let prefix = column.name.lowercased() + "="
            let values = files.flatMap { $0.split(separator: "/").dropLast() }
                .filter { $0.lowercased().hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
            let isMeant = values.allSatisfy { $0.wholeMatch(of: form) != nil || $0 == PathComponent.missing }
            return isMeant ? column : Column(column.name, .text)
        }
    }
}
