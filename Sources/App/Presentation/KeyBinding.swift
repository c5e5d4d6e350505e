/// What a screen shows, as a value; it has a line in which something can be said.
protocol ScreenState: SendableMetatype {
    mutating func say(_ text: String, _ style: Style)
}

/// Changes what a screen shows.
protocol ScreenReducer: SendableMetatype {
    associatedtype State: ScreenState
    /// What is to be done outside of the screen.
    associatedtype Effect
}

/// Keys that do one thing on a screen: what it is called, when it can be done, and how.
///
/// A screen's reducer, its footer, its help and the manual's table are all made from lists of these.
struct KeyBinding<Reducer: ScreenReducer>: Sendable {
    typealias State = Reducer.State

    /// What the footer says of a binding.
    struct Hint: Sendable {
        /// Where there is little room, hints of the highest rank go first; those of rank 0 stay, and stand at the end.
        let rank: Int
        /// The text; nil where it is not worth saying.
        let text: @Sendable (State) -> String?

        static func always(_ text: String, rank: Int) -> Hint { Hint(rank: rank) { _ in text } }
        static func when(rank: Int, _ text: @escaping @Sendable (State) -> String?) -> Hint {
            Hint(rank: rank, text: text)
        }
    }

    /// The keys; the first is the one that the footer names.
    let keys: [Key]
    /// Where in the help it stands.
    let section: HelpSection
    /// What it does, in the help and in the manual.
    ///
    /// Bindings that share it are told of as one.
    let label: String
    /// What it would do now, where that changes.
    let labelNow: (@Sendable (State) -> String)?
    let hint: Hint?
    /// Why it cannot be done now, which is said when its keys are pressed; nil when it can.
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

    /// A binding that has nothing done outside of the screen.
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
}

extension ScreenReducer {
    /// Does what a key means, or says why that cannot be done.
    ///
    /// - Returns: What is to be done outside of the screen; nil when none of the bindings has the key.
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

/// What the footer says of keys.
struct KeyHint {
    var keys: [Key]
    let text: String
    let rank: Int

    /// What is worth saying of some bindings now.
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
    /// Writes as many hints as there is room for, the last one at the right.
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

/// What the help and the manual say of bindings: those with one label together.
struct KeyHelp {
    /// One line of it.
    struct Entry {
        let section: HelpSection
        var keys: [Key]
        let label: String
        /// What the keys would do now.
        var text: String
        /// The parts of the screen where the keys do it.
        var places: [String]
    }

    /// The entries in the order of their sections.
    let entries: [Entry]

    /// - Parameter state: What is on the screen, for texts that change with it.
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
                } else {
                    entries.append(
                        Entry(
                            section: binding.section, keys: binding.keys, label: binding.label, text: text,
                            places: [place]))
                }
            }
        }
        self.entries = HelpSection.allCases.flatMap { section in entries.filter { $0.section == section } }
    }

    /// The table of the manual.
    var table: String {
        var lines = ["| Key | What it does | Where |", "| --- | --- | --- |"]
        lines += entries.map { "| `\(Key.names($0.keys))` | \($0.label) | \($0.places.joined(separator: ", ")) |" }
        return lines.joined(separator: "\n")
    }
}
