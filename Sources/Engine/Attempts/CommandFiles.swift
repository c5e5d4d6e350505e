import CaudalModel
import Foundation

/// What the line of a command says of the files that it reads: a script is practically part of its definition.
struct CommandFiles {
    /// The words that may be paths: of files, of patterns, or of folders of which everything is read.
    private(set) var words: Set<String> = []
    /// The folders in which paths may begin.
    private(set) var folders: [String]
    /// The variables that the line reads and does not set.
    private(set) var variables: Set<String> = []
    /// What of it cannot be followed; nil where all can.
    private(set) var obstacle: String?

    private let root: String
    /// What variables hold where the line begins.
    private let variable: (String) -> String?
    /// What the line gives to variables, one or the other; nil for what only running it tells.
    private var assigned: [String: [String]?] = [:]

    /// - Parameters:
    ///   - root: The project's folder, in which the command begins.
    ///   - filling: Fills in references.
    ///   - variable: What a variable of the command's environment holds.
    init(
        of call: StageProgram.Call, root: String, filling: (Template) -> String,
        variable: @escaping (String) -> String?
    ) {
        folders = [root]
        self.root = root
        self.variable = variable
        switch call {
        case .line(let line): follow(filling(line))
        case .arguments(let list): follow(list.map { .texts([filling($0)]) })
        }
    }

    // MARK: - Words

    /// A word as far as it is known.
    private enum Value {
        /// One of these.
        case texts([String])
        /// One that only running the line tells, as it is written.
        case unknown(String)

        var texts: [String] { if case .texts(let texts) = self { texts } else { [] } }
        var isOption: Bool { texts.first?.hasPrefix("-") == true }
    }

    private mutating func value(of word: some Sequence<ShellWords.Piece>) -> Value {
        var (texts, isKnown, shown) = ([""], true, "")
        for piece in word {
            switch piece {
            case .text(let part):
                texts = texts.map { $0 + part }
                shown += part
            case .variable(let name):
                shown += "$" + name
                let values = values(of: name)
                isKnown = isKnown && values != nil
                texts = Array(texts.flatMap { text in (values ?? []).map { text + $0 } }.prefix(100))
            case .unknown:
                shown += "$(…)"
                isKnown = false
            }
        }
        return isKnown ? .texts(texts) : .unknown(shown)
    }

    private mutating func values(of name: String) -> [String]? {
        if let values = assigned[name] { return values }
        // What Caudal itself gives is compared, or made, by itself.
        if name.hasPrefix("CAUDAL_") { return [Self.elsewhere] }
        if name == "PWD" { return [root] }
        if ["RANDOM", "SRANDOM", "SECONDS", "EPOCHSECONDS", "EPOCHREALTIME"].contains(name) {
            refuse("it names $\(name), which is not the same twice")
        }
        variables.insert(name)
        return [variable(name) ?? ""]
    }

    // MARK: - Commands

    private mutating func follow(_ line: String) {
        for command in ShellWords(line).commands { follow(command[...]) }
    }

    private mutating func follow(_ command: ArraySlice<ShellWords.Word>) {
        var command = command
        while case .text(let word)? = command.first?.first, command.first?.count == 1, Self.keywords.contains(word) {
            command = command.dropFirst()
        }
        if case .text("for")? = command.first?.first, case .text(let name)? = command.dropFirst().first?.first {
            let values = command.dropFirst(3).map { value(of: $0) }
            let isKnown = values.allSatisfy { if case .texts = $0 { true } else { false } }
            assigned[name] = .some(isKnown && !values.isEmpty ? values.flatMap(\.texts) : nil)
            return take(values)
        }
        var passed: [Value] = []
        while let word = command.first, let value = assigned(by: word) {
            passed.append(value)
            command = command.dropFirst()
        }
        // Without a command, nothing reads it yet.
        if !command.isEmpty { take(passed) }
        follow(command.map { value(of: $0) })
    }

    /// Notes `NAME=…`.
    ///
    /// - Returns: The value; nil for other words.
    private mutating func assigned(by word: ShellWords.Word) -> Value? {
        guard case .text(let start)? = word.first, let sign = start.firstIndex(of: "=") else { return nil }
        let name = String(start[..<sign])
        guard ShellWords.isName(name) else { return nil }
        let rest = word.dropFirst()
        // What is made for the time of the command is not the project's.
        if case .unknown(by: "mktemp")? = rest.first {
            assigned[name] = .some([Self.elsewhere])
            return .texts([Self.elsewhere])
        }
        let value = value(of: [.text(String(start[start.index(after: sign)...]))] + rest)
        if case .texts(let texts) = value { assigned[name] = .some(texts) } else { assigned[name] = .some(nil) }
        return value
    }

    /// A path of no file of the project.
    private static let elsewhere = "/dev/null"
    private static let keywords: Set<String> = [
        "if", "then", "else", "elif", "do", "while", "until", "!", "{", "exec", "command", "export", "local",
        "readonly",
    ]
    private static let shells: Set<String> = ["sh", "bash", "dash", "ksh", "zsh", "ash"]
    /// Programs whose first argument is a script, besides those of Python.
    private static let interpreters: Set<String> = [
        ".", "source", "perl", "ruby", "node", "Rscript", "php", "julia", "lua", "pwsh",
    ]
    /// Programs that find by themselves what they read.
    private static let builders: Set<String> = [
        "make", "gmake", "just", "rake", "ninja", "npm", "npx", "yarn", "pnpm", "cargo", "go", "dbt", "gradle",
        "gradlew", "mvn", "mvnw", "sbt", "snakemake", "nextflow", "tox", "terraform",
    ]
    /// Programs that read none of the files that they name.
    private static let others: Set<String> = [
        "mkdir", "rm", "rmdir", "touch", "tee", "chmod", "chown", "test", "[", "mktemp", "echo", "printf",
    ]

    private mutating func refuse(_ reason: String) { obstacle = obstacle ?? reason }

    private mutating func follow(_ values: [Value]) {
        let texts = values.map { $0.texts.first ?? "" }
        let place = ShellArguments.command(in: texts).place
        take(values.prefix(place))
        guard values.indices.contains(place) else { return }
        guard case .texts(let programs) = values[place] else { return refuse(running: values[place]) }
        let name = PathText.lastComponent(of: programs.first ?? "")
        let arguments = values[(place + 1)...]
        if ["cd", "pushd"].contains(name) { return enter(arguments.first { !$0.isOption }) }
        if name != "." { take([values[place]]) }
        if name == "read" { for name in arguments.flatMap(\.texts) { assigned[name] = .some(nil) } }
        if Self.builders.contains(name) { refuse("it runs \(name), which finds by itself what it reads") }
        if let text = ShellArguments.text(in: texts, ofShellAt: place) {
            guard case .texts(let lines) = values[text] else { return refuse(running: values[text]) }
            take(values[(text + 1)...])
            for line in lines { follow(line) }
            return
        }
        let isPython = name.hasPrefix("python")
        if Self.shells.contains(name) || isPython || Self.interpreters.contains(name) {
            if isPython, let option = arguments.firstIndex(where: { $0.texts == ["-m"] }), option + 1 < values.count {
                follow(module: values[option + 1])
            } else if let script = arguments.first(where: { !$0.isOption }) {
                if case .unknown = script { refuse(running: script) }
            } else if texts.prefix(place).contains("xargs") {
                refuse("it runs scripts that are not known before it runs")
            }
        }
        if Self.others.contains(name) { return }
        // The texts of these have strokes that divide no folders.
        for case .unknown(let word) in arguments where word.contains("/") && !["sed", "awk", "grep"].contains(name) {
            refuse("it names \(word), which is not known before it runs")
        }
        take(arguments)
    }

    private mutating func refuse(running value: Value) {
        if case .unknown(let word) = value { refuse("it runs \(word), which is not known before it runs") }
    }

    /// A module of Python has the files of the package in which it lies.
    private mutating func follow(module: Value) {
        if case .unknown = module { return refuse(running: module) }
        let paths = [""] + (values(of: "PYTHONPATH") ?? []).flatMap { $0.split(separator: ":") }.map { $0 + "/" }
        for text in module.texts {
            let name = text.split(separator: ".").first.map(String.init) ?? text
            take(paths.map { Value.texts([$0 + name, $0 + name + ".py"]) })
        }
    }

    private mutating func enter(_ folder: Value?) {
        guard let folder, !folder.texts.isEmpty, folder.texts != ["-"] else {
            return refuse("it changes to a folder that is not known before it runs")
        }
        let inner = folder.texts.flatMap { name in folders.map { PathText.absolute(name, in: $0) } }
        folders += Set(inner).subtracting(folders).sorted()
    }

    private mutating func take(_ values: some Sequence<Value>) {
        for text in values.flatMap(\.texts) where !text.isEmpty {
            let path = PathText.absolute(text, in: root)
            if root == path || root.hasPrefix(path == "/" ? path : path + "/") {
                refuse("it names the folder \(text), in which all of the project lies")
            }
            words.insert(text)
            // Such as `--config=x.yaml`.
            if let sign = text.lastIndex(of: "=") { words.insert(String(text[text.index(after: sign)...])) }
        }
    }
}
