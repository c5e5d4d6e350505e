import CaudalModel
import Engine

// How the keys that a user has chosen are read and used.

extension KeyMap {
    /// The bindings with the user's keys.
    func applied<Reducer>(to bindings: [KeyBinding<Reducer>]) -> [KeyBinding<Reducer>] {
        if keys.isEmpty { return bindings }
        return bindings.map { binding in
            guard let name = binding.name, let own = keys[name] else { return binding }
            var changed = binding
            changed.keys = own
            return changed
        }
    }

    /// The key of an action in a sentence.
    ///
    /// `usual`: the one that it has unless the user gave it another one.
    func key(_ name: String, _ usual: String) -> String { keys[name]?.first.map { Key.names([$0]) } ?? usual }

    /// Reads the keys of actions, and reports names that no action has, keys that there are not, and keys that two
    /// actions would have in the same part of the screen.
    ///
    /// - Parameters:
    ///   - entries: The names, each with a key or a list of keys.
    ///   - places: The keys that are active together, for each part of each screen.
    init(_ entries: [ConfigNode.Entry], for places: [[NamedKeys]], _ problems: ConfigProblems) {
        self.init()
        let names = Set(places.joined().compactMap(\.name))
        for entry in entries {
            let name = entry.key.value
            guard names.contains(name) else {
                let phrase = Suggestion.phrase(for: name, among: names.sorted())
                problems.report("no action is called '\(name)'\(phrase)", at: entry.key.location)
                continue
            }
            let texts = problems.texts(of: entry.value, what: "the key of '\(name)'")
            if case .sequence(let values) = entry.value.content, values.isEmpty {
                problems.report(
                    "'\(name)' needs a key", remedy: "remove the line for its usual one", at: entry.value.location)
                continue
            }
            keys[name] = texts.compactMap { text in
                if let key = Key(named: text.value) { return key }
                problems.report(
                    "'\(text.value)' is no key",
                    remedy: "write a character, ctrl-LETTER, or a name such as enter, space, page-up", at: text.location
                )
                return nil
            }
            if let twice = conflict(of: name, in: places) {
                problems.report(
                    "'\(Key.names([twice.key]))' is already the key of \(twice.other)",
                    remedy: "choose another key, or give that action another one in this file", at: entry.value.location
                )
            }
        }
    }

    /// A key that an action would share with another one of the same part of the screen.
    private func conflict(of name: String, in places: [[NamedKeys]]) -> (key: Key, other: String)? {
        func current(_ one: NamedKeys) -> [Key] { one.name.flatMap { keys[$0] } ?? one.keys }
        for place in places {
            guard let own = place.first(where: { $0.name == name }).map(current) else { continue }
            for other in place where other.name != name {
                if let key = own.first(where: current(other).contains) {
                    return (key, other.name.map { "'\($0)'" } ?? "what cannot be changed: \(other.label)")
                }
            }
        }
        return nil
    }
}

/// The keys of a binding, whichever screen has it.
struct NamedKeys {
    /// See ``KeyBinding/name``.
    let name: String?
    let keys: [Key]
    let label: String

    init<Reducer>(_ binding: KeyBinding<Reducer>) {
        (name, keys, label) = (binding.name, binding.keys, binding.label)
    }
}

extension Key {
    /// The keys that have names, as a file of settings and the manual write them.
    private static let named: [String: Key] = [
        "up": .up, "down": .down, "left": .left, "right": .right, "enter": .enter, "esc": .escape, "tab": .tab,
        "shift-tab": .backTab, "backspace": .backspace, "delete": .delete, "home": .home, "end": .end,
        "page-up": .pageUp, "page-down": .pageDown, "space": " ",
    ]

    /// The key with a name: a character, `ctrl-k`, or a word such as `page-up`.
    init?(named name: String) {
        if let key = Self.named[name] {
            self = key
        } else if name.hasPrefix("ctrl-"), let letter = name.dropFirst(5).first, name.count == 6, letter.isASCII,
            letter.isLetter,
            !"himjc".contains(letter)
        {
            // Terminals send backspace, tab, enter and line feed for some, and an interrupt for another one.
            self = .control(letter)
        } else if name.count == 1, let character = name.first, character != " " {
            self = .character(character)
        } else {
            return nil
        }
    }
}
