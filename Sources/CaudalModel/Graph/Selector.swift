/// Selects stages with dbt's syntax: `stage`, `+stage`, `stage+`, `2+stage`, `group:x`, `state:failed`; a comma means
/// "and", a blank means "or".
package struct Selector: Sendable, Equatable {
    /// One term: what it matches, and how far to follow the graph up and down from there.
    struct Term: Sendable, Equatable {
        enum Core: Sendable, Equatable {
            case name(String)
            case group(String)
            case type(String)
            case state(UnitStatus)
            case all
        }

        var core: Core
        /// How many steps upstream are included; 0 for none.
        var up: Int
        var down: Int
    }

    /// A sentence that says what is wrong with a selector.
    package struct Fault: Error, Sendable, Equatable {
        package let message: String

        package init(_ message: String) { self.message = message }
    }

    /// The union of these lists; each list is the intersection of its terms.
    let alternatives: [[Term]]

    /// Parses a selector.
    ///
    /// - Throws: ``Fault`` for an empty selector or a term that is no valid one.
    package init(_ text: String) throws(Fault) {
        var alternatives: [[Term]] = []
        for part in text.split(whereSeparator: \.isWhitespace) {
            var terms: [Term] = []
            for word in part.split(separator: ",", omittingEmptySubsequences: false) {
                terms.append(try Self.term(String(word)))
            }
            alternatives.append(terms)
        }
        if alternatives.isEmpty {
            throw Fault("nothing is selected; name a stage, or write group:x or state:failed")
        }
        self.alternatives = alternatives
    }

    /// Whether the selection depends on the stages' status in a run.
    package var needsRun: Bool {
        alternatives.joined().contains { if case .state = $0.core { true } else { false } }
    }

    private static func term(_ word: String) throws(Fault) -> Term {
        var rest = Substring(word)
        var up = 0
        var down = 0
        if let plus = rest.firstIndex(of: "+"), rest[..<plus].allSatisfy(\.isNumber) {
            up = rest[..<plus].isEmpty ? .max : Int(rest[..<plus]) ?? .max
            rest = rest[rest.index(after: plus)...]
        }
        if let plus = rest.lastIndex(of: "+"), rest[rest.index(after: plus)...].allSatisfy(\.isNumber) {
            let digits = rest[rest.index(after: plus)...]
            down = digits.isEmpty ? .max : Int(digits) ?? .max
            rest = rest[..<plus]
        }
        let core = String(rest)
        if core.isEmpty { throw Fault("'\(word)' names no stage") }
        if core == "*" { return Term(core: .all, up: up, down: down) }
        guard let colon = core.firstIndex(of: ":") else { return Term(core: .name(core), up: up, down: down) }
        let value = String(core[core.index(after: colon)...])
        switch core[..<colon] {
        case "group": return Term(core: .group(value), up: up, down: down)
        case "type": return Term(core: .type(value), up: up, down: down)
        case "state":
            guard let status = UnitStatus(rawValue: value) else {
                let names = UnitStatus.allCases.map(\.rawValue)
                throw Fault("'\(value)' is not a state" + Suggestion.phrase(for: value, among: names))
            }
            return Term(core: .state(status), up: up, down: down)
        default: throw Fault("'\(core)' is not known; write group:x, type:x or state:failed")
        }
    }

    /// What a selector knows about a stage.
    package struct Candidate: Sendable {
        package var id: StageID
        package var type: String
        package var group: String?
        package var upstream: Set<StageID>
        /// The stage's status in the run, or nil without a run.
        package var status: UnitStatus?

        package init(id: StageID, type: String, group: String?, upstream: Set<StageID>, status: UnitStatus? = nil) {
            self.id = id
            self.type = type
            self.group = group
            self.upstream = upstream
            self.status = status
        }
    }

    /// The selected stages.
    ///
    /// - Throws: ``Fault`` when a name matches no stage.
    package func stages(among candidates: [Candidate]) throws(Fault) -> Set<StageID> {
        var upstream: [StageID: Set<StageID>] = [:]
        var downstream: [StageID: Set<StageID>] = [:]
        for candidate in candidates {
            upstream[candidate.id] = candidate.upstream
            for need in candidate.upstream { downstream[need, default: []].insert(candidate.id) }
        }
        var chosen: Set<StageID> = []
        for terms in alternatives {
            var common: Set<StageID>?
            for term in terms {
                let core = try Self.core(term.core, candidates)
                let found = core.union(Self.reached(core, upstream, term.up)).union(
                    Self.reached(core, downstream, term.down))
                common = common?.intersection(found) ?? found
            }
            chosen.formUnion(common ?? [])
        }
        return chosen
    }

    private static func core(_ core: Term.Core, _ candidates: [Candidate]) throws(Fault) -> Set<StageID> {
        let found: [Candidate]
        switch core {
        case .all: found = candidates
        case .group(let group): found = candidates.filter { $0.group == group }
        case .type(let type): found = candidates.filter { $0.type == type }
        case .state(let status): return Set(candidates.filter { $0.status == status }.map(\.id))
        case .name(let name):
            let isPattern = name.contains("*")
            found = candidates.filter { isPattern ? matches($0.id.rawValue, name) : $0.id.rawValue == name }
        }
        if found.isEmpty {
            switch core {
            case .name(let name):
                throw Fault(
                    "no stage is called '\(name)'"
                        + Suggestion.phrase(for: name, among: candidates.map(\.id.rawValue)))
            case .group(let group):
                let groups = Set(candidates.compactMap(\.group)).sorted()
                throw Fault("no stage is in a group '\(group)'" + Suggestion.phrase(for: group, among: groups))
            case .type(let type): throw Fault("no stage is of type '\(type)'")
            case .all, .state: break
            }
        }
        return Set(found.map(\.id))
    }

    /// Whether a name matches a pattern in which `*` stands for any text.
    private static func matches(_ name: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
        guard name.hasPrefix(parts[0]) else { return false }
        var rest = name.dropFirst(parts[0].count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(parts[parts.count - 1])
    }

    private static func reached(
        _ start: Set<StageID>, _ edges: [StageID: Set<StageID>], _ steps: Int
    ) -> Set<StageID> {
        var found: Set<StageID> = []
        var border = start
        var left = steps
        while left > 0, !border.isEmpty {
            let next = border.reduce(into: Set<StageID>()) { $0.formUnion(edges[$1] ?? []) }.subtracting(found)
            found.formUnion(next)
            border = next
            left -= 1
        }
        return found
    }
}

extension Pipeline {
    /// The stages as candidates for a selector.
    package var candidates: [Selector.Candidate] {
        let upstream = upstream
        return stages.map {
            Selector.Candidate(
                id: $0.id, type: $0.definition.typeName, group: $0.group, upstream: upstream[$0.id] ?? [])
        }
    }
}

extension RunPlan {
    /// The stages as candidates for a selector, with their status in a run.
    package func candidates(in state: RunState) -> [Selector.Candidate] {
        stages.map {
            Selector.Candidate(
                id: $0.id, type: $0.type, group: $0.group, upstream: Set($0.upstream),
                status: state.stage($0.id)?.status ?? .pending)
        }
    }
}
