/// The words of a line as a shell reads them, as far as that can be told without running it.
struct ShellWords {
    /// A part of a word.
    enum Piece: Equatable {
        case text(String)
        case variable(String)
        /// What only running the line tells, such as `$(…)` and `$1`; with the program that tells it, where it is one.
        case unknown(by: String?)
    }

    /// A word, which may be given in quotation marks.
    typealias Word = [Piece]

    /// The simple commands, in the order of the line, each with its words; those inside of `$(…)` come before the one around them.
    private(set) var commands: [[Word]] = []

    private var words: [Word] = []
    /// The word that is read; nil between words.
    private var word: Word?
    /// Whether the next word names a file that is written.
    private var isTarget = false
    /// The ends of here-documents whose text begins with the next line.
    private var documents: [String] = []
    private let text: [Character]
    private var place = 0

    init(_ line: String) {
        text = Array(line)
        while place < text.count { step() }
        endCommand()
    }

    private mutating func step() {
        let character = text[place]
        place += 1
        switch character {
        case "\\":
            if place < text.count, text[place] != "\n" { add(String(text[place])) }
            place += 1
        case "'": add(rest(until: "'"))
        case "\"": quoted()
        case "$": dollar()
        case "`": substitute(rest(until: "`"))
        case "#" where word == nil: _ = rest(until: "\n", keepsEnd: true)
        case "<", ">": redirect(character)
        case "\n":
            endCommand()
            for end in documents { skipDocument(end) }
            documents = []
        case ";", "&", "|", "(", ")": endCommand()
        case _ where character.isWhitespace: endWord()
        default: add(String(character))
        }
    }

    // MARK: - Words

    private mutating func add(_ text: String) {
        guard case .text(let before)? = word?.last else { return add(.text(text)) }
        word?.removeLast()
        add(.text(before + text))
    }

    private mutating func add(_ piece: Piece) { word = (word ?? []) + [piece] }

    private mutating func endWord() {
        if let word, !isTarget { words.append(word) }
        if word != nil { isTarget = false }
        word = nil
    }

    private mutating func endCommand() {
        endWord()
        if !words.isEmpty { commands.append(words) }
        (words, isTarget) = ([], false)
    }

    private mutating func rest(until end: Character, keepsEnd: Bool = false) -> String {
        let found = text[place...].firstIndex(of: end) ?? text.count
        defer { place = keepsEnd ? found : found + 1 }
        return String(text[min(place, found)..<found])
    }

    private mutating func quoted() {
        add("")
        while place < text.count {
            let character = text[place]
            place += 1
            switch character {
            case "\"": return
            case "\\":
                if place < text.count { add(String(text[place])) }
                place += 1
            case "$": dollar()
            case "`": substitute(rest(until: "`"))
            default: add(String(character))
            }
        }
    }

    // MARK: - What is put in

    private mutating func dollar() {
        guard place < text.count else { return add("$") }
        switch text[place] {
        case "(":
            place += 1
            substitute(nested())
        case "{":
            place += 1
            let name = rest(until: "}")
            add(Self.isName(name) ? .variable(name) : .unknown(by: nil))
        case let first where first.isASCII && (first.isLetter || first == "_"):
            let end = text[place...].firstIndex { !$0.isASCII || !($0.isLetter || $0.isNumber || $0 == "_") }
            let name = String(text[place..<(end ?? text.count)])
            place += name.count
            add(.variable(name))
        case "'":
            place += 1
            add(rest(until: "'"))
        case " ", "\"", "\n": add("$")
        default:
            place += 1
            add(.unknown(by: nil))
        }
    }

    /// What stands before the parenthesis that ends a command.
    private mutating func nested() -> String {
        let start = place
        var depth = 1
        var quote: Character?
        while place < text.count {
            let character = text[place]
            place += 1
            switch character {
            case "\\" where quote != "'": place = min(place + 1, text.count)
            case "'", "\"": quote = quote == nil ? character : quote == character ? nil : quote
            case "(" where quote == nil: depth += 1
            case ")" where quote == nil: depth -= 1
            default: break
            }
            if depth == 0 { return String(text[start..<place - 1]) }
        }
        return String(text[start...])
    }

    private mutating func substitute(_ line: String) {
        let inner = ShellWords(line).commands
        commands += inner
        let program: String? =
            if inner.count == 1, case .text(let name)? = inner[0].first?.first, inner[0].first?.count == 1 { name } else
            { nil }
        add(.unknown(by: program))
    }

    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.first?.isNumber == false
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    // MARK: - Redirections

    private mutating func redirect(_ sign: Character) {
        // A number before it is a file descriptor.
        if case .text(let number)? = word?.first, word?.count == 1, number.allSatisfy(\.isNumber) { word = nil }
        endWord()
        let start = place
        while place < text.count, "<>&|-".contains(text[place]) { place += 1 }
        let signs = String(sign) + String(text[start..<place])
        if signs == "<<" || signs == "<<-" {
            while place < text.count, text[place] == " " { place += 1 }
            let end = text[place...].firstIndex { $0.isWhitespace || ";&|()<>".contains($0) } ?? text.count
            documents.append(String(text[place..<end].filter { !"'\"\\".contains($0) }))
            place = end
        } else if sign == ">" {
            isTarget = true
        }
    }

    private mutating func skipDocument(_ end: String) {
        while place < text.count {
            let line = rest(until: "\n")
            if line.drop(while: { $0 == "\t" }) == end { return }
        }
    }
}
