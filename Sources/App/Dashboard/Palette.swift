import CaudalModel
import Engine

/// The line in which any action is found by its name, with the actions that fit what is typed.
struct Palette {
    private(set) var text = ""
    /// The chosen entry of those that fit.
    var choice = 0

    mutating func type(_ text: String) {
        self.text = text
        choice = 0
    }
}

/// An action of the palette: one that has a key, or one with an argument that is typed.
struct PaletteEntry {
    let title: String
    fileprivate(set) var keys: [Key]
    /// What is typed for it, where something follows; it is not carried out yet.
    var completion: String?
    /// Why it is not available now.
    var refusal: String?
    let action: @Sendable (DashboardReducer, inout DashboardState) -> [DashboardEffect]

    /// The entries that fit what is typed, the best first.
    static func list(_ state: DashboardState, _ text: String) -> [PaletteEntry] {
        let verb = PaletteVerb.all.first { text.lowercased().hasPrefix($0.name + " ") }
        let completed = verb.map { $0.entries(state, String(text.dropFirst($0.name.count + 1))) } ?? []
        let named = all(state).enumerated().compactMap { place, entry in
            rank(entry.title, text).map { (rank: $0, place: place, entry: entry) }
        }
        let sorted = named.sorted { ($0.rank, $0.place) < ($1.rank, $1.place) }
        // Letters in their order are looked for only where no word fits.
        let fits = sorted.contains { $0.rank < loose } || !completed.isEmpty
        return completed + sorted.filter { !fits || $0.rank < loose }.map(\.entry)
    }

    /// Every action: those of all panes and of the focused one, those that act first, then those with arguments, and those of
    /// the other panes.
    private static func all(_ state: DashboardState) -> [PaletteEntry] {
        var state = state
        state.overlay = nil
        let layout = DashboardLayout(state)
        let focused = layout.kind(of: layout.focus).bindings
        let order: [HelpSection] = [.act, .log, .view, .app, .move, .questions]
        let replay = state.replay == nil ? [] : ReplayKeys.bindings
        let near = replay + state.keys.applied(to: DashboardKeys.inEveryPane + focused)
        let sorted = order.flatMap { section in near.filter { $0.section == section } }
        var entries = sorted.map { entry($0, state) { _, _ in } }
        entries += PaletteVerb.all.map { verb in
            PaletteEntry(title: "\(verb.name) \(verb.argument)", keys: [], completion: verb.name + " ") { _, _ in [] }
        }
        var known = Set(focused.map(\.label))
        for pane in DashboardState.Pane.allCases where pane != layout.focus {
            let bindings = layout.kind(of: pane).bindings.filter { !known.contains($0.label) }
            known.formUnion(bindings.map(\.label))
            entries += state.keys.applied(to: bindings).map { entry($0, state) { $0.go(to: pane, &$1) } }
        }
        entries += state.keys.applied(to: DashboardKeys.always).map { entry($0, state) { _, _ in } }
        return entries.reduce(into: []) { merged, entry in
            // What two bindings do alike has one entry with the keys of both.
            if let place = merged.firstIndex(where: { $0.title == entry.title }) {
                merged[place].keys += entry.keys
            } else {
                merged.append(entry)
            }
        }
    }

    private static func entry(
        _ binding: DashboardKeys.Binding, _ state: DashboardState,
        before: @escaping @Sendable (DashboardReducer, inout DashboardState) -> Void
    ) -> PaletteEntry {
        PaletteEntry(
            title: binding.title(state), keys: binding.keys, refusal: binding.refusal(state)
        ) { reducer, state in
            before(reducer, &state)
            return binding.action(reducer, &state)
        }
    }

    /// The rank of a title that has the letters of a word in their order.
    static let loose = 100

    /// How well a title fits what is typed: the less, the better; nil where it does not.
    static func rank(_ title: String, _ text: String) -> Int? {
        let title = title.lowercased()
        let ranks = text.lowercased().split(separator: " ").map { word -> Int? in
            if title.hasPrefix(word) { return 0 }
            if title.contains(" \(word)") { return 1 }
            if title.contains(word) { return 2 }
            var rest = title[...]
            for letter in word {
                guard let place = rest.firstIndex(of: letter) else { return nil }
                rest = rest[rest.index(after: place)...]
            }
            return word.count > 2 ? loose : nil
        }
        return ranks.contains(nil) ? nil : ranks.compactMap(\.self).reduce(0, +)
    }
}

/// An action with an argument.
struct PaletteVerb: Sendable {
    let name: String
    /// What follows its name, in words.
    let argument: String
    let entries: @Sendable (DashboardState, String) -> [PaletteEntry]

    /// A verb whose argument is a stage or an item.
    private static func ofStage(
        _ name: String, refusal: @escaping @Sendable (DashboardState) -> String? = { _ in nil },
        _ action: @escaping @Sendable (DashboardReducer, inout DashboardState) -> [DashboardEffect]
    ) -> PaletteVerb {
        PaletteVerb(name: name, argument: "STAGE") { state, text in
            let all = state.run.stages.map { UnitID($0.id) }
            let found = text.isEmpty ? all : StageSearch(text, in: state).found
            return found.prefix(200).map { id in
                PaletteEntry(title: "\(name) \(id)", keys: [], refusal: refusal(state)) { reducer, state in
                    state.show(id)
                    return action(reducer, &state)
                }
            }
        }
    }

    /// A verb whose argument is any text.
    private static func ofText(
        _ name: String, _ argument: String,
        _ action: @escaping @Sendable (DashboardReducer, inout DashboardState, String) -> [DashboardEffect]
    ) -> PaletteVerb {
        PaletteVerb(name: name, argument: argument) { _, text in
            [PaletteEntry(title: "\(name) \(text)", keys: []) { action($0, &$1, text) }]
        }
    }

    /// A verb whose argument is one of a few words.
    private static func ofChoice<Value: CaseIterable & RawRepresentable & Sendable>(
        _ name: String, _ argument: String, _ type: Value.Type,
        _ change: @escaping @Sendable (DashboardReducer, inout DashboardState, Value) -> [DashboardEffect]
    ) -> PaletteVerb where Value.RawValue == String, Value.AllCases: Sendable {
        PaletteVerb(name: name, argument: argument) { _, text in
            type.allCases.filter { text.isEmpty || PaletteEntry.rank($0.rawValue, text) != nil }.map { value in
                PaletteEntry(title: "\(name) \(value.rawValue)", keys: []) { change($0, &$1, value) }
            }
        }
    }

    static let all: [PaletteVerb] = [
        ofStage("go to") { reducer, state in
            reducer.go(to: .graph, &state)
            return []
        },
        ofStage("inspect") { reducer, state in
            reducer.go(to: .inspector, &state)
            return []
        },
        ofStage("retry", refusal: { $0.steeringRefusal }) { _, state in
            [.prepare(.retry(state.selection, of: state.selectedStage))]
        },
        ofStage("cancel", refusal: { $0.steeringRefusal }) { _, state in [.prepare(.cancel(state.selection))] },
        ofStage("log of") { reducer, state in
            let unit = state.selection
            reducer.go(to: .log, &state)
            return reducer.showLog(&state) { $0.unit = unit }
        },
        ofStage("copy log of") { _, state in [.copy(.log(state.selection))] },
        ofStage("edit", refusal: { $0.editRefusal }) { _, state in [.edit(state.selection.stage)] },
        PaletteVerb(name: "limit", argument: "max_parallel or POOL, and a NUMBER") { state, text in
            let words = text.split(separator: " ")
            return state.run.plan.limits.filter { words.isEmpty || PaletteEntry.rank($0.name, String(words[0])) != nil }
                .map { limit in
                    guard words.count == 2, let number = Int(words[1]) else {
                        return PaletteEntry(
                            title: "limit \(limit.name) …", keys: [], completion: "limit \(limit.name) ",
                            refusal: state.limitRefusal
                        ) { _, _ in [] }
                    }
                    return PaletteEntry(
                        title: "limit \(limit.name) \(number)", keys: [], refusal: state.limitRefusal
                    ) { _, _ in [.send(.setLimit(limit, number))] }
                }
        },
        ofStage("correct", refusal: { $0.steeringRefusal }) { $0.correctRows(&$1) },
        ofText("search log", "TEXT") { reducer, state, text in
            reducer.go(to: .log, &state)
            return reducer.searchLog(text, &state)
        },
        ofText("filter log", "TEXT stage: item: attempt: level: since: until:") { reducer, state, text in
            reducer.go(to: .log, &state)
            state.overlay = .prompt(Prompt(.logFilter, text: text, in: state))
            return reducer.acceptText(&state)
        },
        ofText("filter stages", "TEXT state: group: slow") { reducer, state, text in
            state.overlay = .prompt(Prompt(.stageFilter, text: text, in: state))
            return reducer.acceptText(&state)
        },
        ofChoice("view", "automatic, graph, focus, groups, rail", DashboardState.GraphView.self) { _, state, view in
            state.view = view
            return []
        },
        ofChoice("sort", "state, file, time", DashboardState.StageOrder.self) { _, state, order in
            state.order = order
            return []
        },
        ofChoice("show", InspectorTab.allCases.map(\.rawValue).joined(separator: ", "), InspectorTab.self) {
            reducer, state, tab in
            reducer.inspect(tab, &state)
            return []
        },
    ]
}

extension DashboardReducer {
    /// Carries out the chosen action of the palette, or completes it where something follows.
    func acceptPalette(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .palette(let palette) = state.overlay else { return [] }
        let entries = PaletteEntry.list(state, palette.text)
        guard entries.indices.contains(palette.choice) else {
            state.say("no action fits '\(palette.text)'", .wait)
            return []
        }
        let entry = entries[palette.choice]
        if entry.completion != nil {
            completePalette(&state)
            return []
        }
        state.overlay = nil
        if let refusal = entry.refusal {
            state.say(refusal, .wait)
            return []
        }
        return entry.action(self, &state)
    }

    /// Types the rest of the chosen action.
    func completePalette(_ state: inout DashboardState) {
        guard case .palette(var palette) = state.overlay else { return }
        let entries = PaletteEntry.list(state, palette.text)
        guard entries.indices.contains(palette.choice) else { return }
        palette.type(entries[palette.choice].completion ?? entries[palette.choice].title)
        state.overlay = .palette(palette)
    }

    /// Chooses another action of the palette.
    func chooseAction(_ step: Int, _ state: inout DashboardState) {
        guard case .palette(var palette) = state.overlay else { return }
        let count = PaletteEntry.list(state, palette.text).count
        palette.choice = max(0, min(palette.choice + step, count - 1))
        state.overlay = .palette(palette)
    }
}
