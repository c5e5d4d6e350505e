/// The secrets of a pipeline and its runs.
extension LoadedPipeline {
    /// A masker for all secrets of a run with these parameters.
    package func masker(parameters: [String: String] = [:]) -> SecretMasker {
        SecretMasker(secrets: secrets(parameters))
    }

    /// Parameters as they are recorded and shown: without their secrets.
    package func recorded(_ parameters: [String: String]) -> [String: String] {
        let masker = masker(parameters: parameters)
        return pipeline.secretNames.hidden(parameters).mapValues(masker.masked)
    }

    /// All secret values.
    private func secrets(_ parameters: [String: String]) -> [String] {
        let names = pipeline.secretNames
        let defaults = pipeline.parameters.compactMap { parameter in
            parameter.defaultValue.map { (parameter.name, $0) }
        }
        var secrets = names.secrets(in: variables) + names.secrets(in: parameters)
        secrets += names.secrets(in: Dictionary(defaults, uniquingKeysWith: { first, _ in first }))
        for connection in pipeline.connections.values {
            for case .environment(let name) in connection.password?.references ?? [] {
                if let value = variables[name] { secrets.append(value) }
            }
        }
        for reference in ChannelKinds.secretReferences(of: pipeline.notifications) {
            switch reference {
            case .environment(let name): if let value = variables[name] { secrets.append(value) }
            case .param(let name): if let value = parameters[name] { secrets.append(value) }
            case .runID, .runStarted, .slotTime, .slotDate, .item, .input, .stageOutput: break
            }
        }
        // Variables that the file sets for its commands; values that only a run knows are not secrets.
        var settings = [pipeline.environment.mapValues(\.value)]
        settings += pipeline.stages.compactMap { $0.definition.program?.environment }
        for (name, template) in settings.joined() {
            var isKnown = true
            let value = template.filled { reference in
                switch reference {
                case .environment(let name): return variables[name] ?? ""
                case .param(let name) where parameters[name] != nil: return parameters[name] ?? ""
                case .param, .runID, .runStarted, .slotTime, .slotDate, .item, .input, .stageOutput:
                    isKnown = false
                    return ""
                }
            }
            if isKnown { secrets += names.secrets(in: [name: value]) }
        }
        return secrets
    }
}
