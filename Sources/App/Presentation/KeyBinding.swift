/// The state of a screen, with a line for short messages.
protocol ScreenState: SendableMetatype {
    mutating func say(_ text: String, _ style: Style)
}

/// Changes the state of a screen.
protocol ScreenReducer: SendableMetatype {
    associatedtype State: ScreenState
    /// Work to do outside of the screen.
    associatedtype Effect
}

/// Keys with one action on a screen: its label, when it is available, and what it does.
///
/// A screen's reducer, its footer, its help and the manual's table are all made from lists of bindings.
struct KeyBinding<Reducer: ScreenReducer>: Sendable {
    typealias State = Reducer.State

    /// The text of a binding in the footer.
    struct Hint: Sendable {
        /// If there is little room, hints of the highest rank are dropped first; those of rank 0 stay, at the right.
        let rank: Int
        /// The text; nil where the footer leaves it out.
        let text: @Sendable (State) -> String?

        static func always(_ text: String, rank: Int) -> Hint { Hint(rank: rank) { _ in text } }
        static func when(rank: Int, _ text: @escaping @Sendable (State) -> String?) -> Hint {
            Hint(rank: rank, text: text)
        }
    }

    /// The name by which the user gives it other keys; nil where it has fixed ones.
    private(set) var name: String?
    /// The keys; the footer names the first one.
    var keys: [Key]
    /// Its section of the help.
    let section: HelpSection
    /// What it does, in the help and in the manual.
    ///
    /// Bindings with the same label are listed as one.
    let label: String
    /// What it does itself, where its label says it of several bindings.
    private(set) var ownLabel: String?
    /// What it would do now, if that depends on the state.
    let labelNow: (@Sendable (State) -> String)?
    let hint: Hint?
    /// Why it is not available now, shown when its keys are pressed; nil if it is available.
    let refusal: @Sendable (State) -> String?
    let action: @Sendable (Reducer, inout State) -> [Reducer.Effect]

    init(
        _ keys: [Key], _ section: HelpSection, _ label: String, labelNow: (@Sendable (State) -> String)? = nil,
        hint: Hint? = nil, refusal: @escaping @Sendable (State) -> String? = { _ in nil },
        action: @escaping @Sendable (Reducer, inout State) -> [Reducer.Effect]
    ) {
        (self.keys, self.section, self.label, self.labelNow) = (keys, section, label, labelNow)
        (self.hint, self.refusal, self.action) = (hint, refusal, action)
    }

    /// A binding that the user can give other keys.
    init(
        _ name: String, _ keys: [Key], _ section: HelpSection, _ label: String,
        labelNow: (@Sendable (State) -> String)? = nil, hint: Hint? = nil,
        refusal: @escaping @Sendable (State) -> String? = { _ in nil },
        action: @escaping @Sendable (Reducer, inout State) -> [Reducer.Effect]
    ) {
        self.init(keys, section, label, labelNow: labelNow, hint: hint, refusal: refusal, action: action)
        self.name = name
    }

    /// The same, without work outside of the screen.
    init(
        _ name: String, _ keys: [Key], _ section: HelpSection, _ label: String, hint: Hint? = nil,
        refusal: @escaping @Sendable (State) -> String? = { _ in nil },
        change: @escaping @Sendable (Reducer, inout State) -> Void
    ) {
        self.init(keys, section, label, hint: hint, refusal: refusal, change: change)
        self.name = name
    }

    /// A binding without work outside of the screen.
    init(
        _ keys: [Key], _ section: HelpSection, _ label: String, hint: Hint? = nil,
        refusal: @escaping @Sendable (State) -> String? = { _ in nil },
        change: @escaping @Sendable (Reducer, inout State) -> Void
    ) {
        self.init(
            keys, section, label, hint: hint, refusal: refusal,
            action: { reducer, state in
                change(reducer, &state)
                return []
            })
    }

    /// The binding with a label of its own, for where it does not stand beside those that share its label.
    func alone(_ label: String) -> Self {
        var binding = self
        binding.ownLabel = label
        return binding
    }

    /// What it does, where it stands by itself.
    func title(_ state: State) -> String { labelNow?(state) ?? ownLabel ?? label }
}

extension ScreenReducer {
    /// Carries out the action of a key, or shows why it is not available.
    ///
    /// - Returns: Work to do outside of the screen; nil if no binding has the key.
    func press(_ key: Key, in bindings: [KeyBinding<Self>], _ state: inout State) -> [Effect]? {
        guard let binding = bindings.first(where: { $0.keys.contains(key) }) else { return nil }
        if let refusal = binding.refusal(state) {
            state.say(refusal, .wait)
            return []
        }
        return binding.action(self, &state)
    }
}

// MARK: - The footer

/// A hint in the footer: keys and what they do.
struct KeyHint {
    var keys: [Key]
    let text: String
    let rank: Int

    /// The hints of the bindings that are available now.
    static func list<Reducer>(_ bindings: [KeyBinding<Reducer>], _ state: Reducer.State) -> [KeyHint] {
        var hints: [KeyHint] = []
        for binding in bindings {
            guard let hint = binding.hint, let text = hint.text(state), binding.refusal(state) == nil else { continue }
            let key = binding.keys[0]
            if let place = hints.firstIndex(where: { $0.text == text }) {
                hints[place].keys.append(key)
            } else {
                hints.append(KeyHint(keys: [key], text: text, rank: hint.rank))
            }
        }
        return hints.filter { $0.rank > 0 } + hints.filter { $0.rank == 0 }
    }
}

extension CellBuffer {
    /// Writes as many hints as fit, the last one at the right.
    mutating func write(_ hints: [KeyHint], row: Int) {
        var hints = hints.map { (key: Key.names($0.keys), text: $0.text, rank: $0.rank) }
        func length() -> Int { hints.reduce(1) { $0 + TextWidth.of($1.key) + TextWidth.of($1.text) + 4 } }
        while length() > width, let worst = hints.map(\.rank).max(), worst > 0 {
            if let index = hints.lastIndex(where: { $0.rank == worst }) { hints.remove(at: index) }
        }
        var place = 1
        for (index, hint) in hints.enumerated() {
            if index == hints.count - 1 {
                place = max(place, width - TextWidth.of(hint.key) - TextWidth.of(hint.text) - 2)
            }
            place = write(hint.key, row: row, column: place, style: .accent)
            place = write(" " + hint.text, row: row, column: place, style: .dim) + 3
        }
    }
}

// MARK: - The help and the manual

/// The headings of the help.
enum HelpSection: String, CaseIterable, Sendable {
    case move, view, log, act, questions, app
}

/// The bindings as the help and the manual list them: those with the same label together.
struct KeyHelp {
    /// One line of the list.
    struct Entry {
        let section: HelpSection
        var keys: [Key]
        let label: String
        /// What the keys would do now.
        var text: String
        /// The parts of the screen where the keys have this action.
        var places: [String]
        /// The names by which the user gives it other keys.
        var names: [String]
    }

    /// The entries in the order of their sections.
    let entries: [Entry]

    /// `state`: the state of the screen, for texts that depend on it.
    init<Reducer>(_ lists: [(place: String, bindings: [KeyBinding<Reducer>])], _ state: Reducer.State? = nil) {
        var entries: [Entry] = []
        for (place, bindings) in lists {
            for binding in bindings {
                let text = state.flatMap { binding.labelNow?($0) } ?? binding.label
                if let index = entries.firstIndex(where: {
                    $0.section == binding.section && $0.label == binding.label
                }) {
                    entries[index].keys += binding.keys.filter { !entries[index].keys.contains($0) }
                    if !entries[index].places.contains(place) { entries[index].places.append(place) }
                    if let name = binding.name, !entries[index].names.contains(name) {
                        entries[index].names.append(name)
                    }
                } else {
                    entries.append(
                        Entry(
                            section: binding.section, keys: binding.keys, label: binding.label, text: text,
                            places: [place], names: binding.name.map { [$0] } ?? []))
                }
            }
        }
        self.entries = HelpSection.allCases.flatMap { section in entries.filter { $0.section == section } }
    }

    /// The table for the manual.
    var table: String {
        // Only screens whose keys can be changed have a column of names.
        let hasNames = entries.contains { !$0.names.isEmpty }
        var lines = hasNames ? ["| Key | What it does | Where | Name |"] : ["| Key | What it does | Where |"]
        lines.append("|" + String(repeating: " --- |", count: hasNames ? 4 : 3))
        lines += entries.map { entry in
            let names = entry.names.map { "`\($0)`" }.joined(separator: " ")
            return "| `\(Key.names(entry.keys))` | \(entry.label) | \(entry.places.joined(separator: ", ")) |"
                + (hasNames ? names.isEmpty ? " |" : " \(names) |" : "")
        }
        return lines.joined(separator: "\n")
    }
}
