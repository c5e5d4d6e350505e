import CaudalModel

/// A line for the shell in which each reference is a variable, quoted by where it stands so that its value stays what it is.
///
/// The values never become part of the text: a shell expands a variable once, and what it holds is not read again. What the
/// shell splits into words, or takes as it stands, it tells by quotes, comments, here-documents and commands inside of others,
/// which are followed here as POSIX describes them.
struct ShellLine {
    /// The text for the shell.
    private(set) var text = ""
    /// Why a reference cannot be followed by the shell; nil where all can.
    private(set) var fault: (message: String, remedy: String)?

    /// A variable with a value as another shell inside of the line reads it.
    struct Variable: Equatable {
        let reference: Template.Reference
        /// Whether it is a word of its own; otherwise it stands in double quotes.
        let isWord: Bool

        var name: String { "CAUDAL_\(isWord ? "QUOTED" : "ESCAPED")_\(reference.programVariable)" }

        func value(_ value: String) -> String {
            isWord ? ShellText.quoted(value) : value.replacing(#/[\\"$`]/#) { "\\" + $0.output }
        }
    }

    /// Those that the line names besides the variables of its references.
    private(set) var variables: [Variable] = []

    /// What the shell is in the middle of.
    private enum Context: Equatable {
        /// A command: the line itself, `$( … )`, or `( … )` in it.
        case command
        case single
        /// `$'…'`, which shells know that are not POSIX's.
        case escaped
        case double
        /// `$(( … ))`, with the depth of its parentheses.
        case arithmetic(depth: Int)
        /// `${ … }`.
        case parameter
        case backticks
        case comment
        case document(Document)
    }

    private struct Document: Equatable {
        var delimiter: String
        var stripsTabs: Bool
        var isQuoted: Bool
    }

    private var contexts: [Context] = [.command]
    /// How deep texts begin that another shell inside of the line reads as commands.
    private var programs: [Int] = []
    /// What that shell makes of those in single quotes.
    private var inner: [ShellLine] = []
    /// Where each command begins in the text that is inside of another, in bytes.
    private var starts: [Int] = []
    private var isEscaped = false
    /// Here-documents that begin with the next line.
    private var documents: [Document] = []
    /// The end of what was read, to tell where a word begins.
    private var last: Character = "\n"
    /// The line of a here-document so far; nil with a reference in it.
    private var documentLine: String? = ""

    private init() {}

    init(_ template: Template) {
        for segment in template.segments {
            switch segment {
            case .reference(let reference): add(reference)
            case .text(let text): read(Array(text))
            }
        }
        if contexts.last == .comment { contexts.removeLast() }
        if fault == nil, contexts != [.command], !template.references.isEmpty, !isDocument {
            fault = ("the quotes and parentheses of the line do not end", "close them")
        }
    }

    private var context: Context { contexts.last ?? .command }
    /// Whether the command that is read is at a place inside of double quotes.
    private var isInDoubleQuotes: Bool { contexts.reversed().prefix { $0 != .command }.contains(.double) }
    private var isDocument: Bool { if case .document = context { true } else { false } }

    // MARK: - References

    private mutating func add(_ reference: Template.Reference) {
        if let place = programs.last {
            guard context == .single, contexts.count == place + 1, !inner.isEmpty else {
                return refuse(
                    "a shell inside of the line would run what ${\(reference)} holds",
                    "write its text in single quotes, or hand the value over behind it: bash -c 'echo \"$1\"' _ ${\(reference)}"
                )
            }
            // What the shell inside reads is quoted for it: it may have none of the variables, as by `docker run`.
            let shell = inner[inner.count - 1]
            let isWord = shell.context == .command || shell.context == .parameter && !shell.isInDoubleQuotes
            inner[inner.count - 1].add(reference)
            if isWord || shell.context == .double || shell.context == .parameter {
                let variable = Variable(reference: reference, isWord: isWord)
                if !variables.contains(variable) { variables.append(variable) }
                text += "'\"${\(variable.name)}\"'"
            } else {
                text += String(inner[inner.count - 1].text.dropFirst(shell.text.count))
            }
            fault = fault ?? inner[inner.count - 1].fault
            return
        }
        let variable = "${\(reference.programVariable)}"
        switch context {
        case .command: text += "\"\(variable)\""
        // Quotes inside of `"${x:-…}"` would end those around it.
        case .parameter: text += isInDoubleQuotes ? variable : "\"\(variable)\""
        case .single: text += "'\"\(variable)\"'"
        case .escaped: text += "'\"\(variable)\"$'"
        case .double, .arithmetic, .comment: text += variable
        case .backticks:
            refuse(
                "\(reference) stands between backticks, where its value would be split", "write $( … ) in their place")
        case .document(let document):
            if document.isQuoted {
                refuse(
                    "\(reference) stands in a here-document whose end '\(document.delimiter)' is quoted, where the shell puts in no values",
                    "write the end without quotes: <<\(document.delimiter)")
            }
            text += variable
            documentLine = nil
        }
        if isEscaped { refuse("a backslash stands before \(reference)", "remove it") }
        last = "x"
    }

    private mutating func refuse(_ message: String, _ remedy: String) { fault = fault ?? (message, remedy) }

    // MARK: - Text

    // Stored, because a regex literal is compiled at each use. They are never changed, and matching does not change them.

    /// What stands before a text that a shell, `eval` or `trap` reads as commands.
    private nonisolated(unsafe) static let beforeShell =
        #/(?:^|[\s;&|(\/"])(?:sh|bash|dash|ksh|zsh|ash)"?(?:\s+(?:[-+][A-Za-z]*o\s+\w+|[-+][A-Za-z]+|--[a-z][\w-]*))*?\s+-[A-Za-z]*c[A-Za-z]*(?:\s+(?:[-+][A-Za-z]*o\s+\w+|[-+][A-Za-z]+))*(?:\s+--)?\s+$/#
    private nonisolated(unsafe) static let beforeText =
        #/(?:^|[;&|({\n]|\b(?:then|do|else)\s)\s*(?:eval|trap(?:\s+--)?)\s+$/#

    private var isBeforeProgram: Bool {
        let end = text.suffix(200)
        return end.contains(Self.beforeShell) || end.contains(Self.beforeText)
    }

    private nonisolated(unsafe) static let caseWord = #/(?:^|[\s;&|(])(case\s|esac\b)/#

    /// Whether a parenthesis ends a pattern of `case` in the command that is read.
    private var isInCase: Bool {
        guard let start = starts.last else { return false }
        let command = text[text.utf8.index(text.startIndex, offsetBy: start)...]
        let words = command.matches(of: Self.caseWord).map(\.output.1)
        return words.count { $0.hasPrefix("case") } > words.count { $0 == "esac" }
    }

    private mutating func read(_ text: [Character]) {
        var place = 0
        while place < text.count {
            let character = text[place]
            let count = step(text, place)
            self.text += String(text[place..<place + count])
            last = text[place + count - 1]
            place += count
            if character.isNewline { endLine() }
        }
    }

    /// Reads what begins at a place.
    ///
    /// - Returns: How many characters that is.
    private mutating func step(_ text: [Character], _ place: Int) -> Int {
        let character = text[place]
        func follows(_ words: String) -> Bool { text[place...].starts(with: words) }
        if case .document(let document) = context {
            if !character.isNewline { documentLine?.append(character) }
            if document.isQuoted { return 1 }
        }
        if isEscaped {
            isEscaped = false
            return 1
        }
        if context == .comment { return 1 }
        // A text that went on behind its quotes ends with its word.
        if context == .command, programs.last == contexts.count, character.isWhitespace || ";&|)".contains(character) {
            programs.removeLast()
        }
        if context == .command, character == "'" || character == "\"", isBeforeProgram {
            programs.append(contexts.count)
            if character == "'" { inner.append(ShellLine()) }
        }
        if context == .single {
            let isProgram = programs.last == contexts.count - 1 && !inner.isEmpty
            if character == "'" {
                contexts.removeLast()
                if isProgram { endProgram(before: text.dropFirst(place + 1).first) }
                return 1
            }
            let end = text[place...].firstIndex(of: "'") ?? text.count
            if isProgram { inner[inner.count - 1].read(Array(text[place..<end])) }
            return end - place
        }
        if context == .escaped {
            if character == "'" { contexts.removeLast() }
            isEscaped = character == "\\"
            return 1
        }
        switch character {
        case "\\": isEscaped = true
        case "`":
            if context == .backticks { contexts.removeLast() } else { contexts.append(.backticks) }
        case "$" where context != .backticks:
            if follows("$((") {
                contexts.append(.arithmetic(depth: 0))
                return 3
            }
            if context == .command, follows("$'") {
                contexts.append(.escaped)
                return 2
            }
            if follows("${") {
                contexts.append(.parameter)
                return 2
            }
            if follows("$(") {
                begin()
                return 2
            }
        case "\"" where context == .double:
            contexts.removeLast()
            if programs.last == contexts.count { programs.removeLast() }
        case "\"" where context != .backticks && !isDocument: contexts.append(.double)
        case "'" where context == .command || context == .parameter && !isInDoubleQuotes: contexts.append(.single)
        case "}" where context == .parameter: contexts.removeLast()
        case "(":
            if context == .command { begin() }
            if case .arithmetic(let depth) = context { contexts[contexts.count - 1] = .arithmetic(depth: depth + 1) }
        case ")":
            if context == .command, contexts.count > 1, !isInCase {
                contexts.removeLast()
                starts.removeLast()
            }
            if case .arithmetic(let depth) = context {
                if depth > 0 {
                    contexts[contexts.count - 1] = .arithmetic(depth: depth - 1)
                } else if follows("))") {
                    contexts.removeLast()
                    return 2
                }
            }
        case "#" where context == .command && (last.isWhitespace || ";&|()".contains(last)): contexts.append(.comment)
        case "<" where context == .command && follows("<<") && !follows("<<<"): return begin(text, place)
        default: break
        }
        return 1
    }

    /// Begins a command inside of another.
    private mutating func begin() {
        contexts.append(.command)
        starts.append(text.utf8.count)
    }

    /// - Parameter next: What stands behind the quotes; a text that goes on in other ones is no longer followed.
    private mutating func endProgram(before next: Character?) {
        inner.removeLast()
        if next.map({ $0.isWhitespace || ";&|)".contains($0) }) ?? true { programs.removeLast() }
    }

    /// Reads the beginning of a here-document.
    private mutating func begin(_ text: [Character], _ place: Int) -> Int {
        var end = place + 2
        var document = Document(delimiter: "", stripsTabs: false, isQuoted: false)
        if end < text.count, text[end] == "-" {
            document.stripsTabs = true
            end += 1
        }
        while end < text.count, text[end] == " " || text[end] == "\t" { end += 1 }
        while end < text.count, !text[end].isWhitespace, !";&|()<>".contains(text[end]) {
            if "'\"\\".contains(text[end]) {
                document.isQuoted = true
            } else {
                document.delimiter.append(text[end])
            }
            end += 1
        }
        documents.append(document)
        return end - place
    }

    private mutating func endLine() {
        if context == .comment { contexts.removeLast() }
        if case .document(let document) = context {
            let line = documentLine.map { document.stripsTabs ? String($0.drop { $0 == "\t" }) : $0 }
            if line == document.delimiter { contexts.removeLast() }
            documentLine = ""
        }
        if !isDocument, context == .command, !documents.isEmpty {
            contexts.append(.document(documents.removeFirst()))
            documentLine = ""
        }
    }
}
