import Foundation

/// Parameters of a run that are secret: everything else that is recorded has dots in their place.
extension RunFolder {
    /// The file that keeps them, for its owner alone; without it the run has none.
    private var parametersFile: String { path + "/parameters.json" }

    /// Keeps what is secret of a run's parameters, so that the run can be taken up again.
    package func keep(secretParameters values: [String: String]) throws {
        if values.isEmpty { return }
        let data = try JSONEncoder().encode(values)
        try FileText.write(String(decoding: data, as: UTF8.self), to: parametersFile, isPrivate: true)
    }

    /// The parameters of a recorded plan with their values.
    package func filled(_ recorded: [String: String]) -> [String: String] {
        guard FileText.exists(parametersFile), let bytes = try? FileText.bytes(parametersFile),
            let secrets = try? JSONDecoder().decode([String: String].self, from: Data(bytes))
        else { return recorded }
        return recorded.merging(secrets.filter { recorded[$0.key] != nil }) { $1 }
    }

    /// A masker for those who only look at a run: of the parameters that it keeps, and of their own variables.
    package func masker(of plan: RunPlan, _ variables: [String: String]) -> SecretMasker {
        let kept = filled(plan.parameters).filter { plan.parameters[$0.key] != $0.value }
        return SecretMasker(secrets: Array(kept.values) + SecretNames().secrets(in: variables))
    }
}
