package import CaudalModel

/// What the rules between the parts of a pipeline file need to know about parts with faults, so that one fault does not
/// cause further messages.
package struct ReadingNotes: Sendable {
    /// The stages with faults: what they lack may have been intended.
    package var unsoundStages: Set<StageID> = []
    /// The templates outside of stages and datasets: in `env`, connections and notifications.
    package var templatesOutsideStages: [Located<Template>] = []
    /// Every name that a section defines, valid or not; a section whose names are unknown is left out.
    package private(set) var names: [String: Set<String>] = [:]

    /// Records the names that a section defines.
    ///
    /// - Parameter hasUnknownKeys: Whether the file has unknown keys; then one of them may be the missing section,
    ///   misspelt.
    mutating func note(_ section: String, of root: ConfigNode, hasUnknownKeys: Bool) {
        guard let node = root[key: section], !node.isEmpty else {
            if !hasUnknownKeys { names[section] = [] }
            return
        }
        if case .mapping(let entries) = node.content { names[section] = Set(entries.map(\.key.value)) }
    }

    /// Whether a section certainly does not define a name.
    package func lacks(_ name: String, in section: String) -> Bool {
        names[section].map { !$0.contains(name) } ?? false
    }
}
