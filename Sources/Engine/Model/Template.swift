/// Text with `${…}` references, such as `data/region=${item.region}.parquet`.
package struct Template: Hashable, Sendable, CustomStringConvertible {
    /// What a `${…}` stands for.
    package enum Reference: Hashable, Sendable, CustomStringConvertible {
        case param(String)
        case environment(String)
        case runID
        case runStarted
        case item(String)
        /// The files of an input, as its version lies there: a line for each.
        case input(String)
        case stageOutput

        /// Whether only an attempt of a stage knows what it stands for.
        package var isOfAttempt: Bool {
            switch self {
            case .item, .input, .stageOutput: true
            case .param, .environment, .runID, .runStarted: false
            }
        }

        /// The name of the parameter or variable.
        package var name: String? {
            switch self {
            case .param(let name), .environment(let name): name
            case .runID, .runStarted, .item, .input, .stageOutput: nil
            }
        }

        /// Whether it is known when a run has begun, and not when it is planned.
        package var isOfRun: Bool { self == .runID || self == .runStarted }

        package var description: String {
            switch self {
            case .param(let name): "params.\(name)"
            case .environment(let name): "env.\(name)"
            case .runID: "run.id"
            case .runStarted: "run.started"
            case .item(let name): "item.\(name)"
            case .input(let name): "input.\(name)"
            case .stageOutput: "stage.output"
            }
        }
    }

    /// A run of plain text or one reference.
    package enum Segment: Hashable, Sendable {
        case text(String)
        case reference(Reference)
    }

    /// The text cut at its references, in order.
    package let segments: [Segment]

    package init(segments: [Segment]) { self.segments = segments }

    /// A template without references.
    package init(text: String) { segments = [.text(text)] }

    /// Every reference, in order, repeated as often as it stands.
    package var references: [Reference] {
        segments.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
    }

    /// Where a text holds what looks like a reference, known or not; for texts in which none is replaced.
    package static func firstReference(in text: String) -> String? {
        // Asked first, as the expression is compiled at each call.
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

    /// Plain text as it is written: a `${` that would be taken for a reference becomes `$${`.
    private static func escaped(_ text: String) -> String {
        let parts = text.split(separator: "${", omittingEmptySubsequences: false)
        return parts.dropFirst().reduce(String(parts.first ?? "")) { written, part in
            let isForTheShell = part.firstIndex(of: "}").map { !part[..<$0].contains(".") } ?? false
            return written + (isForTheShell ? "${" : "$${") + part
        }
    }

    /// The text with every reference replaced by what `value` gives for it.
    package func filled(_ value: (Reference) throws -> String) rethrows -> String {
        try segments.map { segment in
            switch segment {
            case .text(let text): text
            case .reference(let reference): try value(reference)
            }
        }.joined()
    }

    /// The template with the references that `value` knows replaced, the others left as they are.
    package func partlyFilled(_ value: (Reference) -> String?) -> Template {
        Template(
            segments: segments.map { segment in
                guard case .reference(let reference) = segment, let text = value(reference) else { return segment }
                return .text(text)
            })
    }

    /// The template of one item: with its values, as they stand in a path.
    package func filled(with item: Item) -> Template {
        partlyFilled { reference in
            if case .item(let name) = reference { PathComponent.of(item.values[name] ?? nil) } else { nil }
        }
    }

    /// A fault in a template: what is wrong and at which character, from 0.
    package struct Fault: Error, Equatable, Sendable {
        package let message: String
        package let offset: Int
    }

    /// Reads a template.
    ///
    /// `${name}` without a dot is left to the shell, and so is `$name`; `$${` stands for a plain `${`.
    /// - Throws: ``Fault`` for a reference that is not one of the known ones.
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
        case ("stage", "output"): return .stageOutput
        default:
            throw Fault(
                message: "'${\(inside)}' is not known; use ${params.x}, ${env.X}, ${run.id}, ${run.started}, "
                    + "${item.x}, ${input.x} or ${stage.output}",
                offset: offset)
        }
    }
}
