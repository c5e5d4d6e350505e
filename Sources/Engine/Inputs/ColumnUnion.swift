import CaudalModel

/// Applies a dataset's rule for files with different columns.
struct ColumnUnion {
    let dataset: Dataset
    /// The files as the user knows them.
    let files: [String]

    /// The differences, as sentences; a different order does not count.
    ///
    /// - Throws: ``Failure`` when the dataset requires the same columns in all files.
    func differences(_ names: [[String]]) throws(Failure) -> [String] {
        guard let first = names.first else { return [] }
        var notes: [String] = []
        // A file may have columns whose names differ in blanks, if the others call them the same.
        var seen: [String: Set<String>] = [:]
        for file in names {
            let alike = Dictionary(grouping: file, by: \.trimmed).mapValues(Set.init)
            if let name = file.first(where: { seen[$0.trimmed, default: alike[$0.trimmed] ?? []] != alike[$0.trimmed] })
            {
                throw Failure(
                    "the files of '\(dataset.name)' cannot be united by the names of their columns: '\(name)' is called otherwise in "
                        + "another file, with blanks around it or without",
                    remedy: "write the names alike", location: dataset.placeLocation)
            }
            seen.merge(alike) { first, _ in first }
        }
        for (index, others) in names.enumerated().dropFirst() {
            let extra = others.filter { !first.contains($0) }
            let missing = first.filter { !others.contains($0) }
            guard !extra.isEmpty || !missing.isEmpty else { continue }
            let difference = [("has", extra), ("has no", missing)].filter { !$0.1.isEmpty }
                .map { "\($0.0) column \($0.1.map { "'\($0)'" }.joined(separator: ", "))" }.joined(separator: " and ")
            if missing.count == first.count, extra.count == others.count {
                throw Failure(
                    "\(files[index]) has none of the columns of \(files[0])",
                    remedy:
                        "write the files of '\(dataset.name)' alike, with the same delimiter, or read them as two datasets",
                    location: dataset.placeLocation)
            }
            if dataset.columnRule == .same {
                throw Failure(
                    "\(files[index]) \(difference), unlike \(files[0])",
                    remedy:
                        "give the files of '\(dataset.name)' the same columns, or unite them with 'columns: by_name'",
                    location: dataset.placeLocation)
            }
            // A few files show the kind of difference; a thousand would hide everything else.
            if notes.count < 3 {
                notes.append(
                    "\(files[index]) \(difference), unlike \(files[0]): the files of '\(dataset.name)' are united by "
                        + "name, and a column that a file lacks has no value there")
            }
        }
        return notes
    }
}
