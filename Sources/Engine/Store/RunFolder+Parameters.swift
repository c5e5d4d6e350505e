package import CaudalModel
import Foundation

/// The secrets in a run's parameters; all other records contain dots in their place.
extension RunFolder {
    /// The file of these secrets, readable only by its owner; without it the run has none.
    private var parametersFile: String { path + "/parameters.json" }

    /// Stores the secrets in a run's parameters, so that the run can be resumed.
    ///
    /// - Parameter recorded: The same parameters as recorded. A value that itself contains dots is stored too, so that
    ///   every recorded value with dots can be restored from the file.
    /// - Throws: ``Failure`` when the file cannot be written.
    package func keep(secretsOf values: [String: String], recordedAs recorded: [String: String]) throws(Failure) {
        let secrets = values.filter { recorded[$0.key] != $0.value || Self.hasDots($0.value) }
        if secrets.isEmpty { return }
        try FileText.replace(JSONText.encoded(secrets), at: parametersFile)
    }

    private static func hasDots(_ value: String) -> Bool { value.contains(SecretNames.replacement) }

    /// The parameters of a recorded plan, with their secrets.
    ///
    /// - Throws: ``Failure`` when the stored secrets are lost: the dots are not a value.
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

    /// A masker for commands that only show a run: for the run's stored secrets and those in the given variables.
    package func masker(of plan: RunPlan, _ variables: [String: String]) -> SecretMasker {
        // If they are lost, the recorded values contain dots in any case.
        let known = (try? filled(plan.parameters)) ?? plan.parameters
        let kept = known.filter { plan.parameters[$0.key] != $0.value }
        return SecretMasker(secrets: Array(kept.values) + SecretNames().secrets(in: variables))
    }
}
