import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// Layout of help texts.
enum CommandHelp {
    /// Joins lines that the source file breaks into paragraphs, which the help wraps to the width of the screen.
    ///
    /// Empty lines separate paragraphs; an indented line, such as an example, stays a line of its own.
    static func paragraphs(_ text: String) -> String {
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if let last = lines.last, isProse(last), isProse(line) {
                lines[lines.count - 1] = last + " " + line
            } else {
                lines.append(line)
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func isProse(_ line: String) -> Bool { line.first.map { !$0.isWhitespace } ?? false }

    /// Wraps the usage line of a help text; ArgumentParser wraps all others.
    static func wrappingUsage(_ text: String) -> String {
        let width = screenWidth
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard let title = ["USAGE: ", "Usage: "].first(where: line.hasPrefix) else { return String(line) }
            return broken(String(line.dropFirst(title.count)), title: title, width: width)
        }.joined(separator: "\n")
    }

    /// Wraps between options, never within the brackets of one.
    private static func broken(_ usage: String, title: String, width: Int) -> String {
        var (lines, current, depth) = ([String](), title, 0)
        var pieces: [String] = []
        for word in usage.split(separator: " ").map(String.init) {
            if depth > 0, let last = pieces.popLast() { pieces.append(last + " " + word) } else { pieces.append(word) }
            depth += word.count { $0 == "[" } - word.count { $0 == "]" }
        }
        for piece in pieces {
            if current.count > title.count, current.count + piece.count > width {
                lines.append(current)
                current = String(repeating: " ", count: title.count)
            }
            current += piece + " "
        }
        return (lines + [current]).map { String($0.dropLast($0.last == " " ? 1 : 0)) }.joined(separator: "\n")
    }

    /// The width, found as ArgumentParser finds it: COLUMNS, the terminal, or 80.
    private static var screenWidth: Int {
        if let text = ProcessInfo.processInfo.environment["COLUMNS"], let width = Int(text), width > 0 { return width }
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}

/// Finds mistakes in the verbs of a command line.
enum VerbWords {
    /// A word in the place of a verb that is not a verb.
    struct Fault: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// Reports the first argument that is empty, or the first option with an empty value; nil when there is none.
    ///
    /// An empty word usually comes from an unset shell variable. It would silently select the default, or everything,
    /// so no verb accepts one. A parameter with an empty value, `--param x=`, is allowed.
    static func emptyValue(in words: [String]) -> Fault? {
        for (index, word) in words.enumerated() {
            let isBlank = word.allSatisfy(\.isWhitespace)
            let option = isBlank ? index > 0 ? words[index - 1] : "" : word
            let isUnset = word.hasPrefix("--") && word.firstIndex(of: "=") == word.indices.last
            // An expression that is empty is refused like any other that is none.
            if ["--cron", "--timezone"].contains(option.prefix { $0 != "=" }) { continue }
            guard isBlank || isUnset else { continue }
            let what =
                option.hasPrefix("-")
                ? "'\(option.prefix { $0 != "=" })' is given an empty value" : "an argument is empty"
            return Fault(
                description: "\(what); a shell variable may be unset: give a value, or leave it out")
        }
        return nil
    }

    /// Reports the first unknown verb of a command line (without the program's name); nil when all are known.
    ///
    /// ArgumentParser itself reports an unexpected argument, and for `help` prints the help of the verb before it.
    static func fault(in words: [String]) -> Fault? {
        let asksHelp = words.first == "help"
        var verbs = Caudal.configuration.subcommands
        var path = "caudal"
        for word in words.dropFirst(asksHelp ? 1 : 0) {
            // ArgumentParser handles 'caudal help help'.
            if word.hasPrefix("-") || word == "help" && path == "caudal" || verbs.isEmpty && !asksHelp {
                return path == StatsCommand.path && !verbs.isEmpty ? StatsCommand.misplacedVerb(in: words) : nil
            }
            guard let found = verbs.first(where: { $0.configuration.commandName == word }) else {
                if path == StatsCommand.path, !asksHelp { return StatsCommand.misplacedVerb(in: words) }
                return fault(word, path: path, names: verbs.compactMap { $0.configuration.commandName })
            }
            verbs = found.configuration.subcommands
            path += " " + word
        }
        return nil
    }

    private static func fault(_ word: String, path: String, names: [String]) -> Fault {
        if names.isEmpty { return Fault(description: "'\(path)' has no verbs of its own; run '\(path) --help'") }
        let remedy =
            Suggestion.closest(to: word, among: names).map { "did you mean '\(path) \($0)'?" }
            ?? "'\(path) --help' lists its verbs"
        return Fault(description: "'\(path)' has no verb '\(word)'; \(remedy)")
    }
}
