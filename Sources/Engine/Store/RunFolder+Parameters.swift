import Foundation

/// Parameters of a run that are secret: everything else that is recorded has dots in their place.
extension RunFolder {
    /// The file that keeps them, for its owner alone; without it the run has none.
    private var parametersFile: String { path + "/parameters.json" }

    /// Keeps what is secret of a run's parameters, so that the run can be taken up again.
    ///
    /// `recorded`: the same parameters as they are recorded. A value with dots of its own is kept too, so that every value
    /// with dots is one of the file.
    /// - Throws: ``Failure`` when the file cannot be written.
    package func keep(secretsOf values: [String: String], recordedAs recorded: [String: String]) throws {
        let secrets = values.filter { recorded[$0.key] != $0.value || Self.hasDots($0.value) }
        if secrets.isEmpty { return }
        let data = try JSONEncoder().encode(secrets)
        try FileText.replace(String(decoding: data, as: UTF8.self), at: parametersFile)
    }

    private static func hasDots(_ value: String) -> Bool { value.contains(SecretNames.replacement) }

    /// The parameters of a recorded plan with their values.
    ///
    /// - Throws: ``Failure`` when what was kept of them is lost: dots are nobody's value.
    package func filled(_ recorded: [String: String]) throws(Failure) -> [String: String] {
        let hidden = recorded.filter { Self.hasDots($0.value) }
        if hidden.isEmpty { return recorded }
        let names = hidden.keys.sorted()
        func lost(_ reason: String) -> Failure {
            let many = names.count > 1
            let options = names.map { "--param \($0)=…" }.joined(separator: " ")
            return Failure(
                "the secret value\(many ? "s" : "") of the parameter\(many ? "s" : "") \(names.joined(separator: ", ")) "
                    + "\(many ? "are" : "is") lost: \(reason)",
                remedy: "put the file back, or start a new run with \(options)")
        }
        guard FileText.exists(parametersFile) else { throw lost("\(parametersFile) is not there any more") }
        guard FileText.isFile(parametersFile) else { throw lost("\(parametersFile) is no file") }
        let bytes: [UInt8]
        do throws(Failure) { bytes = try FileText.bytes(parametersFile) } catch { throw lost(error.message) }
        let secrets: [String: String]
        do {
            secrets = try JSONDecoder().decode([String: String].self, from: Data(bytes))
        } catch {
            throw lost("\(parametersFile) is damaged")
        }
        guard names.allSatisfy({ secrets[$0] != nil }) else {
            throw lost("\(parametersFile) does not hold all of them")
        }
        return recorded.merging(secrets.filter { recorded[$0.key] != nil }) { $1 }
    }

    /// A masker for those who only look at a run: of the parameters that it keeps, and of their own variables.
    package func masker(of plan: RunPlan, _ variables: [String: String]) -> SecretMasker {
        // Where they are lost, what is recorded has dots in their place all the same.
        let known = (try? filled(plan.parameters)) ?? plan.parameters
        let kept = known.filter { plan.parameters[$0.key] != $0.value }
        return SecretMasker(secrets: Array(kept.values) + SecretNames().secrets(in: variables))
    }
}
