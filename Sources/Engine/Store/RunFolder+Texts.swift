package import CaudalModel
import Foundation

/// The texts that a run's pipeline was read from: its file and the schemas that it names.
///
/// They are verified by the fingerprints in the run's plan: a truncated file could be read too, as another pipeline.
extension RunFolder {
    /// The pipeline file that the run uses now.
    package var pipelineFile: String { path + "/" + Self.pipelineName }
    private static let pipelineName = "pipeline.yaml"
    private static func schemaName(_ schema: String) -> String { "schema.\(PathComponent.of(schema))" }

    /// Stores the texts that a pipeline was read from; earlier texts are kept under other names.
    ///
    /// - Returns: The fingerprints that the run's plan records.
    /// - Throws: ``Failure`` when a text cannot be written.
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
                    throw Failure("\(file) cannot be put aside", errno: errno)
                }
            }
            try FileText.replace(text, at: file)
        }
        return texts.mapValues(ContentHash.of)
    }

    /// The texts from which a run's plan was made.
    ///
    /// - Throws: ``Failure`` when one of them is lost or was changed.
    package func keptPipeline(of plan: RunPlan) throws(Failure) -> KeptPipeline {
        guard let recorded = plan.keptTexts else {
            // A run of an older Caudal: its schemas are at the paths in the file, and cannot be verified.
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
        // A process that died may have stored a newer text before it recorded the plan made from it.
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

    /// The names of earlier texts: `pipeline.1.yaml`, `pipeline.2.yaml` and so on.
    private func olderNames(of name: String) -> some Sequence<String> {
        let parts = name == Self.pipelineName ? ("pipeline", ".yaml") : (name, "")
        return (1...999).lazy.map { "\(path)/\(parts.0).\($0)\(parts.1)" }
    }
}
