import Foundation

/// The texts that a run's pipeline was read from: its file and the schemas that it names.
///
/// What is read back is known by the fingerprint that the run's plan has of it: a part of a file is a file as well, and
/// would be another pipeline.
extension RunFolder {
    /// The pipeline file as it was when the run was last given one.
    package var pipelineFile: String { path + "/" + Self.pipelineName }
    private static let pipelineName = "pipeline.yaml"
    private static func schemaName(_ schema: String) -> String { "schema.\(PathComponent.of(schema))" }

    /// Keeps the texts that a pipeline was read from; what was kept before stays beside them under other names.
    ///
    /// - Returns: What the run's plan records of them.
    package func keep(_ loaded: LoadedPipeline) throws(Failure) -> [String: String] {
        var texts = [Self.pipelineName: loaded.text]
        for (schema, bytes) in loaded.schemaTexts {
            texts[Self.schemaName(schema)] = String(decoding: bytes, as: UTF8.self)
        }
        for (name, text) in texts {
            let file = path + "/" + name
            if FileText.exists(file), !FileText.isFile(file) || ContentHash.ofFile(file) != ContentHash.of(text) {
                let free = olderNames(of: name).first { !FileText.exists($0) }
                if let free, rename(file, free) != 0 {
                    throw Failure("\(file) cannot be put aside: \(String(cString: strerror(errno)))")
                }
            }
            try FileText.replace(text, at: file)
        }
        return texts.mapValues(ContentHash.of)
    }

    /// The texts that a run's plan was made from.
    ///
    /// - Throws: ``Failure`` when one of them is lost.
    package func keptPipeline(of plan: RunPlan) throws(Failure) -> KeptPipeline {
        guard let recorded = plan.keptTexts else {
            // A run of an older caudal: its schemas may lie where the file says, and nothing tells whether they are whole.
            return KeptPipeline(text: try FileText.bytes(pipelineFile)) {
                try? FileText.bytes(path + "/" + Self.schemaName($0))
            }
        }
        var texts: [String: [UInt8]] = [:]
        for (name, hash) in recorded { texts[name] = try kept(name, hash) }
        let found = texts
        return KeptPipeline(text: found[Self.pipelineName] ?? []) { found[Self.schemaName($0)] }
    }

    private func kept(_ name: String, _ hash: String) throws(Failure) -> [UInt8] {
        let file = path + "/" + name
        // A process that died may have kept a newer text before it recorded the plan that goes with it.
        let older = olderNames(of: name).prefix(while: FileText.exists)
        for place in [file] + older where FileText.isFile(place) && ContentHash.ofFile(place) == hash {
            return try FileText.bytes(place)
        }
        throw Failure(
            FileText.exists(file)
                ? "\(file) is not what the run kept there: it was changed or damaged" : "\(file) is lost",
            remedy: "the run's own version cannot be read without it: put it back, go on with the pipeline file as it "
                + "is now (without --as-started), or start a new run")
    }

    /// The names that older versions of a text have: `pipeline.1.yaml`, `pipeline.2.yaml` and so on.
    private func olderNames(of name: String) -> some Sequence<String> {
        let parts = name == Self.pipelineName ? ("pipeline", ".yaml") : (name, "")
        return (1...999).lazy.map { "\(path)/\(parts.0).\($0)\(parts.1)" }
    }
}
