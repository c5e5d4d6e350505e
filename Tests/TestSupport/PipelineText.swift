import CaudalModel
package import Engine
import Foundation

extension LoadedPipeline {
    /// Reads a pipeline file.
    ///
    /// - Throws: `InvalidPipeline` with everything that is wrong.
    package init(
        file: String, environment: String? = nil, variables: [String: String] = [:]
    ) throws(InvalidPipeline) {
        let loader = PipelineLoader(variables: variables, processorCount: 4)
        self = try loader.load(file, environment: environment)
    }

    /// Reads a pipeline that a test writes down, as the file `pipeline.yaml` of a folder.
    ///
    /// The lines that every pipeline needs are put in front where the text has none: `version` and `name`.
    package init(
        yaml: String, in folder: ScratchFolder, environment: String? = nil, variables: [String: String] = [:]
    ) throws {
        let head = yaml.contains("version:") ? "" : "version: 1\nname: test\n"
        let file = try folder.write("pipeline.yaml", head + yaml)
        try self.init(file: file, environment: environment, variables: variables)
    }
}

extension Pipeline {
    /// Reads a pipeline that a test writes down and that names no other file.
    package init(yaml: String) throws {
        self = try LoadedPipeline(yaml: yaml, in: ScratchFolder()).pipeline
    }
}

extension Check {
    /// Reads a check that a test writes down as an entry of `checks`.
    package init(yaml: String) throws {
        let problems = ConfigProblems()
        let node = ConfigSource(file: "pipeline.yaml", text: yaml).read(problems)
        let checks = node.map { CheckKinds.read([$0], problems) } ?? []
        guard let check = checks.first, problems.errors.isEmpty else {
            throw InvalidPipeline(errors: problems.errors, sources: [:])
        }
        self = check
    }
}
