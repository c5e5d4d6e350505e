import Engine
import Foundation

/// Asks whoever stands at the terminal to agree to something; where nobody stands, that is an error with a remedy.
struct Consent {
    /// What there is to agree to, in sentences.
    let sentences: [String]
    /// What somebody may do who cannot be asked, such as `go on with --yes`.
    let remedies: [String]
    /// The stages among it that run again though that does harm: the name of one, or a word for several, must be typed.
    var harmful: [StageID] = []
    /// The letter of another way to go on, and what it is; nil offers none.
    var alternative: (letter: String, text: String)?

    enum Answer { case yes, alternative }

    /// Asks.
    ///
    /// - Throws: an exit status when somebody says no, and where nobody can be asked.
    func ask() throws -> Answer {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
            for sentence in sentences { Output.error("error: \(sentence), and nobody can be asked here") }
            Output.error(message: "  " + remedies.joined(separator: "; "))
            throw ExitStatus.usage.code
        }
        for sentence in sentences { Output.error(message: sentence) }
        if let wanted = Confirmation.Choice(label: "", lines: [], requires: harmful).wanted {
            Output.question("type \(wanted) to go on: ")
            if readLine() == wanted { return .yes }
            Output.error("nothing was changed and nothing was run")
            throw ExitStatus.failed.code
        }
        let more = alternative.map { ", or \($0.letter) to \($0.text)" } ?? ""
        Output.question("go on? [y/N\(more)] ")
        switch readLine()?.lowercased() {
        case "y", "yes": return .yes
        case alternative?.letter where alternative != nil: return .alternative
        default:
            Output.error("nothing was changed and nothing was run")
            throw ExitStatus.failed.code
        }
    }

    /// What to say of stages that run again though the file says that this does harm.
    static func sentences(onHarmful stages: [StageID], of state: RunState) -> [String] {
        stages.map { stage in
            let wasOpen = state.status != .running && state.hasOpenAttempt(stage)
            return "\(stage) \(wasOpen ? "was running when its process died" : "has run before"), "
                + "and the file says that running it twice does harm"
        }
    }
}
