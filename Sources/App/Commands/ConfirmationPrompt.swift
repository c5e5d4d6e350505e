import CaudalModel
import Engine
import Foundation

/// Asks the user at the terminal to confirm something; without a terminal, fails with an error and a remedy.
struct ConfirmationPrompt {
    /// What the user must confirm, in sentences.
    let sentences: [String]
    /// What to do without a terminal, such as `confirm with --yes`.
    let remedies: [String]
    /// Stages with `idempotent: false` that would rerun: the user must type the stage's name, or a word for several.
    var harmful: [StageID] = []
    /// Another answer than yes and no: its key and its meaning; nil offers none.
    var alternative: (letter: String, text: String)?

    enum Answer { case yes, alternative }

    /// Asks for confirmation.
    ///
    /// - Throws: An exit status when the user says no, and when there is no terminal to ask at.
    func ask() throws -> Answer {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
            for sentence in sentences { Output.error("error: \(sentence), and there is no terminal to confirm it") }
            Output.error(message: "  " + remedies.joined(separator: "; "))
            throw ExitStatus.usage.code
        }
        for sentence in sentences { Output.error(message: sentence) }
        if let wanted = Confirmation.Choice(label: "", lines: [], requires: harmful).requiredText {
            Output.question("type \(wanted) to continue: ")
            if readLine() == wanted { return .yes }
            Output.error("nothing was run or changed")
            throw ExitStatus.failed.code
        }
        let more = alternative.map { ", or \($0.letter) to \($0.text)" } ?? ""
        Output.question("continue? [y/N\(more)] ")
        switch readLine()?.lowercased() {
        case "y", "yes": return .yes
        case alternative?.letter where alternative != nil: return .alternative
        default:
            Output.error("nothing was run or changed")
            throw ExitStatus.failed.code
        }
    }

    /// One sentence for each stage with `idempotent: false` that would run again.
    static func sentences(onHarmful stages: [StageID], of state: RunState) -> [String] {
        stages.map { stage in
            let wasOpen = state.status != .running && state.hasOpenAttempt(stage)
            return "\(stage) \(wasOpen ? "was running when its process died" : "has run before"), "
                + "and the file says that running it twice does harm"
        }
    }
}
