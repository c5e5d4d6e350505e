/// What must not be seen of a pipeline and of a run of it.
extension RunServices {
    /// A masker of everything that is secret in a run with these parameters.
    package static func masker(of loaded: LoadedPipeline, parameters: [String: String] = [:]) -> SecretMasker {
        SecretMasker(secrets: secrets(of: loaded, parameters))
    }

    /// Parameters as they are recorded and shown: without what is secret of them.
    package static func recorded(_ parameters: [String: String], of loaded: LoadedPipeline) -> [String: String] {
        let masker = masker(of: loaded, parameters: parameters)
        return loaded.pipeline.secretNames.hidden(parameters).mapValues(masker.masked)
    }

    /// Every value that must not be seen.
    private static func secrets(of loaded: LoadedPipeline, _ parameters: [String: String]) -> [String] {
        let pipeline = loaded.pipeline
        let names = pipeline.secretNames
        let defaults = pipeline.parameters.compactMap { parameter in
            parameter.defaultValue.map { (parameter.name, $0) }
        }
        var secrets = names.secrets(in: loaded.variables) + names.secrets(in: parameters)
        secrets += names.secrets(in: Dictionary(defaults, uniquingKeysWith: { first, _ in first }))
        for connection in pipeline.connections.values {
            for case .environment(let name) in connection.password?.references ?? [] {
                if let value = loaded.variables[name] { secrets.append(value) }
            }
        }
        // Variables that the file sets for its commands; what only a run knows of them is no secret of its own.
        var settings = [pipeline.environment.mapValues(\.value)]
        settings += pipeline.stages.compactMap { $0.definition.program?.environment }
        for (name, template) in settings.joined() {
            var isKnown = true
            let value = template.filled { reference in
                switch reference {
                case .environment(let name): return loaded.variables[name] ?? ""
                case .param(let name) where parameters[name] != nil: return parameters[name] ?? ""
                case .param, .runID, .runStarted, .item, .input, .stageOutput:
                    isKnown = false
                    return ""
                }
            }
            if isKnown { secrets += names.secrets(in: [name: value]) }
        }
        return secrets
    }
}

extension [Item] {
    /// The items under keys without secrets: keys are shown everywhere, and stay different from one another.
    func withoutSecrets(_ log: AttemptLog) -> [Item] {
        var taken: [ItemKey: Int] = [:]
        return map { item in
            let masked = ItemKey(log.masked(item.key.rawValue))
            if masked == item.key { return item }
            let count = taken[masked, default: 0] + 1
            taken[masked] = count
            return Item(key: count == 1 ? masked : ItemKey("\(masked) \(count)"), values: item.values)
        }
    }
}
