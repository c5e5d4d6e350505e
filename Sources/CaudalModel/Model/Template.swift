/// Text with `${…}` references, such as `data/region=${item.region}.parquet`.
package struct Template: Hashable, Sendable, CustomStringConvertible {
    /// The value that a `${…}` refers to.
    package enum Reference: Hashable, Sendable, CustomStringConvertible {
        case param(String)
        case environment(String)
        case runID
        case runStarted
        /// The planned time of the slot that the run is for.
        case slotTime
        /// The local date of that slot.
        case slotDate
        case item(String)
        /// The files of an input in the version that an attempt reads, one on each line.
        case input(String)
        case stageOutput

        /// Whether its value is known only to an attempt of a stage.
        package var isOfAttempt: Bool {
            switch self {
            case .item, .input, .stageOutput: true
            case .param, .environment, .runID, .runStarted, .slotTime, .slotDate: false
            }
        }

        /// The name of the parameter or variable.
        package var name: String? {
            switch self {
            case .param(let name), .environment(let name): name
            case .runID, .runStarted, .slotTime, .slotDate, .item, .input, .stageOutput: nil
            }
        }

        /// Whether its value is known once the run has begun, but not when the run is planned.
        package var isOfRun: Bool {
            switch self {
            case .runID, .runStarted, .slotTime, .slotDate: true
            case .param, .environment, .item, .input, .stageOutput: false
            }
        }

        /// The variable by which programs get the value.
        package var programVariable: String {
            switch self {
            case .param(let name): "CAUDAL_PARAM_\(Self.upper(name))"
            case .item(let name): "CAUDAL_ITEM_\(Self.upper(name))"
            case .environment(let name): "CAUDAL_ENV_\(name)"
            case .runID: "CAUDAL_RUN_ID"
            case .runStarted: "CAUDAL_RUN_STARTED"
            case .slotTime: "CAUDAL_SCHEDULE_TIME"
            case .slotDate: "CAUDAL_SCHEDULE_DATE"
            case .input(let name): "CAUDAL_INPUT_\(Self.upper(name))"
            case .stageOutput: "CAUDAL_OUTPUT"
            }
        }

        /// Whether a variable is one by which a stage gives its own program something, which another stage's may not have.
        package static func isGiven(byVariable name: String) -> Bool {
            let kinds = ["PARAM", "ITEM", "ENV", "INPUT", "LIST", "QUOTED", "ESCAPED"]
            return name == Self.stageOutput.programVariable || kinds.contains { name.hasPrefix("CAUDAL_\($0)_") }
        }

        /// The variable by which programs get the path of a file with the value, for one that may be long.
        package var listVariable: String? {
            if case .input(let name) = self { "CAUDAL_LIST_\(Self.upper(name))" } else { nil }
        }

        /// A name in capitals, with `_` in place of characters that a variable's name cannot contain.
        private static func upper(_ name: String) -> String {
            String(name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        }

        package var description: String {
            switch self {
            case .param(let name): "params.\(name)"
            case .environment(let name): "env.\(name)"
            case .runID: "run.id"
            case .runStarted: "run.started"
            case .slotTime: "schedule.time"
            case .slotDate: "schedule.date"
            case .item(let name): "item.\(name)"
            case .input(let name): "input.\(name)"
            case .stageOutput: "stage.output"
            }
        }
    }

    /// Plain text, or one reference.
    package enum Segment: Hashable, Sendable {
        case text(String)
        case reference(Reference)
    }

    /// The text split at its references, in order.
    package let segments: [Segment]

    package init(segments: [Segment]) { self.segments = segments }

    /// A template without references.
    package init(text: String) { segments = [.text(text)] }

    /// All references, in order, with repetitions.
    package var references: [Reference] {
        segments.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
    }

    /// The first text that looks like a reference, valid or not; for texts in which references are not replaced.
    package static func firstReference(in text: String) -> String? {
        // A cheap test first, because the expression is compiled at each call.
        guard text.contains("${") else { return nil }
        return text.firstMatch(of: #/\$\{[A-Za-z_]+\.[^}]*\}/#).map { String($0.output) }
    }

    /// The names of the fan-out variables it mentions.
    package var itemVariables: [String] {
        references.compactMap { if case .item(let name) = $0 { name } else { nil } }
    }

    /// The text as it was written.
    package var description: String {
        segments.map { segment in
            switch segment {
            case .text(let text): Self.escaped(text)
            case .reference(let reference): "${\(reference)}"
            }
        }.joined()
    }

    /// Plain text as a template writes it: a `${` that would be read as a reference becomes `$${`.
    private static func escaped(_ text: String) -> String {
        let parts = text.split(separator: "${", omittingEmptySubsequences: false)
        return parts.dropFirst().reduce(String(parts.first ?? "")) { written, part in
            let isShellSyntax = part.firstIndex(of: "}").map { !part[..<$0].contains(".") } ?? false
            return written + (isShellSyntax ? "${" : "$${") + part
        }
    }

    /// The text with every reference replaced by the value that `value` returns for it.
    package func filled(_ value: (Reference) throws -> String) rethrows -> String {
        try segments.map { segment in
            switch segment {
            case .text(let text): text
            case .reference(let reference): try value(reference)
            }
        }.joined()
    }

    /// The template with those references replaced for which `value` returns one.
    package func partlyFilled(_ value: (Reference) -> String?) -> Template {
        Template(
            segments: segments.map { segment in
                guard case .reference(let reference) = segment, let text = value(reference) else { return segment }
                return .text(text)
            })
    }

    /// The template for one item: with the item's values, encoded as path components.
    package func filled(with item: Item) -> Template {
        partlyFilled { reference in
            if case .item(let name) = reference { PathComponent.of(item.values[name] ?? nil) } else { nil }
        }
    }

    /// A fault in a template, and the character at which it is, counted from 0.
    package struct Fault: Error, Equatable, Sendable {
        package let message: String
        package let offset: Int
    }

    /// Parses a template.
    ///
    /// `$name`, and `${name}` without a dot, are left to the shell; `$${` is an escaped `${`.
    ///
    /// - Throws: ``Fault`` for an unknown reference.
    package init(parsing source: String) throws(Fault) {
        var segments: [Segment] = []
        var text = ""
        let characters = Array(source)
        var index = 0
        while index < characters.count {
            if characters[index...].starts(with: "$${") {
                text += "${"
                index += 3
                continue
            }
            guard characters[index] == "$", index + 1 < characters.count, characters[index + 1] == "{" else {
                text.append(characters[index])
                index += 1
                continue
            }
            guard let end = characters[index...].firstIndex(of: "}") else {
                throw Fault(message: "'${' is never closed; add '}' or write '$${' for the text itself", offset: index)
            }
            let inside = String(characters[(index + 2)..<end])
            if inside.contains(".") {
                if !text.isEmpty { segments.append(.text(text)) }
                text = ""
                segments.append(.reference(try Self.reference(inside, at: index)))
            } else {
                text += "${\(inside)}"
            }
            index = end + 1
        }
        if !text.isEmpty || segments.isEmpty { segments.append(.text(text)) }
        self.segments = segments
    }

    private static func reference(_ inside: String, at offset: Int) throws(Fault) -> Reference {
        let parts = inside.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts[1]) {
        case ("params", let name) where !name.isEmpty: return .param(name)
        case ("env", let name) where !name.isEmpty: return .environment(name)
        case ("item", let name) where !name.isEmpty: return .item(name)
        case ("input", let name) where !name.isEmpty: return .input(name)
        case ("run", "id"): return .runID
        case ("run", "started"): return .runStarted
        case ("schedule", "time"): return .slotTime
        case ("schedule", "date"): return .slotDate
        case ("stage", "output"): return .stageOutput
        default:
            throw Fault(
                message: "'${\(inside)}' is not known; use ${params.x}, ${env.X}, ${run.id}, ${run.started}, "
                    + "${schedule.time}, ${schedule.date}, ${item.x}, ${input.x} or ${stage.output}, or write '$${\(inside)}' for the text itself",
                offset: offset)
        }
    }
}
