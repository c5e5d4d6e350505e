/// What the rules between the parts of a pipeline file must know of parts that were read with faults, so that one fault
/// does not bring others along.
package struct ReadingNotes: Sendable {
    /// The stages in which something was wrong: what they lack may have been meant.
    package var unsoundStages: Set<StageID> = []
    /// The templates that belong to no stage and no dataset: of `env`, connections and notifications.
    package var templatesOutsideStages: [Located<Template>] = []
    /// Every name that a section gives to something, right or wrong; a section whose names are not known is left out.
    package private(set) var names: [String: Set<String>] = [:]

    /// Notes the names that a section gives.
    ///
    /// `hasUnknownKeys`: whether the file holds keys that nobody knows; then a section that is missing may be one of
    /// them, misspelt.
    mutating func note(_ section: String, of root: ConfigNode, hasUnknownKeys: Bool) {
        guard let node = root[key: section], !node.isEmpty else {
            if !hasUnknownKeys { names[section] = [] }
            return
        }
        if case .mapping(let entries) = node.content { names[section] = Set(entries.map(\.key.value)) }
    }

    /// Whether a section certainly does not have a name.
    package func lacks(_ name: String, in section: String) -> Bool {
        names[section].map { !$0.contains(name) } ?? false
    }
}
