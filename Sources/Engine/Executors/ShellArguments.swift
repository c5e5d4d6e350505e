package import CaudalModel

/// A program and its arguments, one of which a shell may read as commands: `[nice, bash, -c, …]`.
package struct ShellArguments {
    /// Which of the arguments a shell reads as commands, with the variables that are given to the program; nil for none.
    package private(set) var text: Int?
    /// Why a shell would not get the values of references as they are; nil where it does, or there is none.
    package private(set) var fault: (message: String, remedy: String)?

    package init(_ arguments: [Template]) {
        let words = arguments.map(\.description)
        let (place, keepsVariables) = Self.command(in: words)
        guard words.indices.contains(place) else { return }
        let isShell = Self.shells.contains(PathText.lastComponent(of: words[place]))
        if isShell, keepsVariables, let found = Self.text(in: words, ofShellAt: place) {
            text = found
            fault = ShellLine(arguments[found]).fault
            return
        }
        // What a program such as docker makes of its arguments is not known, but a shell among them is.
        let texts = words.indices.compactMap { Self.text(in: words, ofShellAt: $0) }
        guard let reference = texts.lazy.compactMap({ arguments[$0].references.first }).first else { return }
        fault = (
            "the shell behind '\(words[0])' would run what ${\(reference)} holds",
            "hand the value over behind the text: …, bash, -c, 'echo \"$1\"', _, '${\(reference)}'"
        )
    }

    /// What a program that runs the command behind its own arguments takes before it.
    private struct Wrapper {
        /// The options whose value is the next argument.
        var valued: Set<String> = []
        /// How many arguments stand between the options and the command.
        var operands = 0
        /// Whether the command gets the variables too.
        var keepsVariables = true
    }

    private static let wrappers: [String: Wrapper] = [
        "env": Wrapper(valued: ["-u", "--unset", "-C", "--chdir"]),
        "nice": Wrapper(valued: ["-n", "--adjustment"]),
        "nohup": Wrapper(), "setsid": Wrapper(), "fakeroot": Wrapper(), "unbuffer": Wrapper(), "busybox": Wrapper(),
        "stdbuf": Wrapper(valued: ["-i", "-o", "-e", "--input", "--output", "--error"]),
        "time": Wrapper(valued: ["-f", "-o", "--format", "--output"]),
        "timeout": Wrapper(valued: ["-k", "-s", "--kill-after", "--signal"], operands: 1),
        "ionice": Wrapper(valued: ["-c", "-n", "--class", "--classdata"]),
        "chrt": Wrapper(valued: ["-T", "-P", "-D"], operands: 1),
        "taskset": Wrapper(operands: 1),
        "flock": Wrapper(valued: ["-w", "--wait", "--timeout", "-E", "--conflict-exit-code"], operands: 1),
        "xargs": Wrapper(valued: ["-n", "-P", "-I", "-d", "-L", "-s", "-a", "-E"]),
        "chroot": Wrapper(operands: 1),
        "sudo": Wrapper(
            valued: ["-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-r", "-t", "-U", "--user", "--group", "--chdir"],
            keepsVariables: false),
        "doas": Wrapper(valued: ["-u", "-C"], keepsVariables: false),
    ]

    /// Where the command begins that the programs before it run, and whether it gets their variables.
    static func command(in words: [String]) -> (place: Int, keepsVariables: Bool) {
        var (place, keepsVariables) = (0, true)
        while place < words.count {
            let name = PathText.lastComponent(of: words[place])
            guard let wrapper = wrappers[name] else { break }
            keepsVariables = keepsVariables && wrapper.keepsVariables
            place += 1
            while place < words.count {
                let word = words[place]
                let isOption = word.hasPrefix("-")
                guard isOption || ["env", "sudo"].contains(name) && word.contains("=") else { break }
                place += isOption && wrapper.valued.contains(word) ? 2 : 1
                if word == "--" { break }
                let isShort = isOption && !word.hasPrefix("--") && !wrapper.valued.contains(word)
                if name == "env", word == "-" || word == "--ignore-environment" || isShort && word.contains("i") {
                    keepsVariables = false
                }
            }
            place += wrapper.operands
        }
        return (place, keepsVariables)
    }

    private static let shells: Set<String> = ["sh", "bash", "dash", "ksh", "zsh", "ash"]
    /// Other programs that give the text behind `-c` to a shell, which may have none of the variables.
    private static let readers: Set<String> = ["su", "runuser", "flock", "script"]

    /// The text that a shell at a place reads as commands.
    static func text(in words: [String], ofShellAt start: Int) -> Int? {
        let name = PathText.lastComponent(of: words[start])
        if readers.contains(name) {
            guard let option = words[start...].firstIndex(where: { ["-c", "--command"].contains($0) }) else {
                return nil
            }
            return words.indices.contains(option + 1) ? option + 1 : nil
        }
        guard shells.contains(name) else { return nil }
        var isText = false
        var place = start + 1
        while place < words.count, words[place].first.map("-+".contains) == true {
            let isShort = !words[place].hasPrefix("--")
            isText = isText || isShort && words[place].hasPrefix("-") && words[place].contains("c")
            place += isShort && words[place].hasSuffix("o") ? 2 : 1
        }
        return isText && words.indices.contains(place) ? place : nil
    }
}
