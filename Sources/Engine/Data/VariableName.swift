import CaudalModel

extension Template.Reference {
    /// The name under which a bound value is set.
    ///
    /// Engines ignore case in names, while users do not: the places of capitals are appended to the name.
    var variableName: String {
        let name =
            switch self {
            case .param(let name): "param_\(name)"
            case .environment(let name): "env_\(name)"
            case .runID: "run_id"
            case .runStarted: "run_started"
            case .slotTime: "schedule_time"
            case .slotDate: "schedule_date"
            case .item(let name): "item_\(name)"
            case .input(let name): "input_\(name)"
            case .stageOutput: "stage_output"
            }
        guard name != name.lowercased(), name != name.uppercased() else { return name }
        let capitals = name.enumerated().filter { $0.element.isUppercase }.map { String($0.offset) }
        return name + "#" + capitals.joined(separator: ".")
    }
}
