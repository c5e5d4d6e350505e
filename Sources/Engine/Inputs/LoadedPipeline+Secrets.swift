package import CaudalModel

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

    // MARK: - What the file itself holds

    /// The definition of a stage as a plan records it: without the secrets that the file itself holds.
    package func recordedDefinition(of stage: Stage) -> String { withoutSecrets(definitionText(of: stage)) }

    /// Lines of a resolved definition without the values of variables and parameters with secret names, and without
    /// passwords in other values.
    ///
    /// Four digits of a fingerprint stay, by which a changed secret is told; they are too few to find it by.
    func withoutSecrets(_ definition: String) -> String {
        definition.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard let clean = withoutSecret(line) else { return String(line) }
            return "\(clean) #\(ContentHash.of(String(line)).suffix(4))"
        }.joined(separator: "\n")
    }

    /// A line of a resolved definition without its secret; nil for one that has none.
    func withoutSecret(_ line: some StringProtocol) -> String? {
        let line = Substring(line)
        guard let colon = line.utf8.firstRange(of: ": ".utf8) else { return nil }
        let value = line[colon.upperBound...]
        let path = line[..<colon.lowerBound].split { $0 == "." || $0 == " " }.map(String.init)
        if let section = path.firstIndex(where: { ["env", "params"].contains($0) }),
            path[section...].dropFirst().contains(where: pipeline.secretNames.isSecret),
            !["type", "description"].contains(path.last), !value.contains("${")
        {
            return line[..<colon.upperBound] + SecretNames.replacement
        }
        let passwords = SecretNames.passwords(in: String(value)).filter { !$0.contains("${") }
        guard !passwords.isEmpty else { return nil }
        return line[..<colon.upperBound] + SecretMasker(secrets: passwords).masked(String(value))
    }
}
