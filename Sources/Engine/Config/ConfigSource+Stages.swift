package import CaudalModel

extension ConfigSource {
    /// The place of a stage in the file; nil where the file has none with that name, or cannot be read.
    package func place(of stage: StageID) -> SourceLocation? {
        // A file with faults that can be read as YAML has its stages too.
        guard let stages = read(ConfigProblems())?[key: "stages"] else { return nil }
        if let entry = stages.entries?.first(where: { $0.key.value == stage.rawValue }) { return entry.key.location }
        return stages.elements.first { node in
            if case .scalar(stage.rawValue, _)? = node[key: "id"]?.content { true } else { false }
        }?.location
    }
}
