import CaudalModel
import Foundation

/// JSON keys that differ only in case: DuckDB treats two such names as one and loses the values of one of them.
enum AlikeKeys {
    /// The first two of some names that differ only in case.
    static func first(among names: [String]) -> (String, String)? {
        var seen: [String: String] = [:]
        for name in names {
            let folded = folded(name)
            if let other = seen[folded], other != name { return (other, name) }
            seen[folded] = name
        }
        return nil
    }

    /// The first two keys of one object that differ only in case, anywhere in the result of `json_group_structure`.
    static func first(inside structure: String) -> (String, String)? {
        guard structure.first == "{" || structure.first == "[",
            let value = try? JSONSerialization.jsonObject(with: Data(structure.utf8))
        else { return nil }
        return first(inside: value)
    }

    private static func first(inside value: Any) -> (String, String)? {
        if let fields = value as? [String: Any] {
            let names = fields.keys.sorted()
            return first(among: names) ?? names.lazy.compactMap { first(inside: fields[$0] ?? "") }.first
        }
        return (value as? [Any])?.lazy.compactMap { first(inside: $0) }.first
    }

    /// A name as DuckDB compares it: only ASCII letters have case.
    private static func folded(_ name: String) -> String {
        String(decoding: name.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }
}

extension SourceResolver {
    /// Rejects keys that cannot be columns, except for a validate stage, whose schema may leave one of them out.
    ///
    /// - Parameter reader: The stage that reads; nil stands for any stage.
    func refuseAlikeKeys(of source: DataSource, to reader: StageID?) throws {
        guard let fault = source.keyFault else { return }
        let readers = reader.map { id in pipeline.stages.filter { $0.id == id } } ?? pipeline.stages
        // A program is given the files as they are.
        let takesAny = readers.contains { stage in
            stage.definition.validatedInput?.value == source.dataset || stage.definition.runsProgram
        }
        if !takesAny { throw fault }
    }
}

extension DataSource {
    /// Records the keys of JSON objects, with the structure of each value.
    mutating func takeAlikeKeys(_ keys: [(name: String, structure: String)], shown files: [String], _ dataset: Dataset)
    {
        if let (first, second) = AlikeKeys.first(among: keys.map(\.name)) {
            keyFault = Failure(
                "the keys '\(first)' and '\(second)' of \(files.joined(separator: ", ").shortened(to: 200)) differ in case alone, and columns cannot",
                remedy: "rename one of them, or let a validate stage leave one out with 'additionalProperties: false'",
                location: dataset.placeLocation)
        }
        for (name, structure) in keys {
            guard let (first, second) = AlikeKeys.first(inside: structure) else { continue }
            mixedColumns.insert(name)
            notes.append(
                "column '\(name)' of '\(dataset.name)' has keys '\(first)' and '\(second)' inside, which differ in case alone: "
                    + "it is read as text")
        }
    }
}
