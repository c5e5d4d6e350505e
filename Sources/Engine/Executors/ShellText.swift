package import CaudalModel

/// Command lines for the shell, in which values are passed as variables and never become part of the text.
package enum ShellText {
    /// A text as one word of the shell.
    package static func quoted(_ text: String) -> String { "'" + text.replacing(scalar: "'", with: "'\\''") + "'" }

    /// A text as one word of the shell, in quotes only where it needs them.
    package static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || "/._-+:@%,".utf8.contains($0)
            }
        return isPlain ? text : quoted(text)
    }

    /// Words that only a shell interprets at the beginning of a line.
    private static let builtins: Set<String> = [
        ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else", "esac",
        "eval",
        "exec", "exit", "export", "fg", "fi", "for", "getopts", "hash", "if", "jobs", "local", "read", "readonly",
        "return",
        "set", "shift", "source", "then", "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until",
        "wait",
        "while",
    ]

    /// Whether a shell gives the character no special meaning, except that of a blank between words.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: plainSigns.contains(byte)
        }
    }

    private static let plainSigns = Array(" _@%+:,./-".utf8)

    /// Why the shell cannot put in the values of a line as they are; nil where it can, or where the line needs none.
    package static func fault(of template: Template) -> (message: String, remedy: String)? {
        words(of: template) == nil ? ShellLine(template).fault : nil
    }

    /// The words of a line that needs no shell; nil when it needs one.
    ///
    /// As in make, a line without characters that are special to a shell is run directly, which saves a process.
    package static func words(of template: Template) -> [Template]? {
        var words: [[Template.Segment]] = [[]]
        for segment in template.segments {
            switch segment {
            case .reference: words[words.count - 1].append(segment)
            case .text(let text):
                guard text.utf8.allSatisfy(isPlain) else { return nil }
                let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                for (index, part) in parts.enumerated() {
                    if index > 0 { words.append([]) }
                    if !part.isEmpty { words[words.count - 1].append(.text(String(Substring(part)))) }
                }
            }
        }
        let filled = words.filter { !$0.isEmpty }.map { Template(segments: $0) }
        guard let first = filled.first, first.references.isEmpty, !builtins.contains(first.filled { _ in "" }) else {
            return nil
        }
        return filled
    }
}

extension Duration {
    /// Whole seconds for programs that know no others, at least one.
    var shellSeconds: Int { max(1, Int(seconds.rounded(.up))) }
}
