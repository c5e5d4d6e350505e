import CaudalModel
import Engine

/// A box over the panes.
enum Overlay {
    case help(HelpPage)
    case confirm(Confirmation)
    /// A line of text that the user is typing.
    case prompt(Prompt)
    /// Every action, found by its name.
    case palette(Palette)
    /// What can be copied of the selected stage.
    case copying
    /// The runs of the pipeline.
    case history(HistoryPage)
    /// How the run differs from another one.
    case comparison(ComparisonPage)
    /// How much runs at once.
    case limits(LimitsPage)
}

/// A question to confirm something before it is done.
struct Confirmation {
    /// An answer to choose.
    struct Choice {
        var label: String
        var effect: DashboardEffect?
        /// What the answer would do.
        var lines: [LabelledLine]
        /// Stages with `idempotent: false` that would rerun: the user must type a text before choosing the answer.
        var requires: [StageID] = []

        /// The text to type: the stage's name, or one word for several stages.
        var requiredText: String? { requires.count > 1 ? "again" : requires.first?.rawValue }
    }

    var title: String
    var choices: [Choice]
    var focus = 0 {
        didSet { if focus != oldValue { (typed, scroll) = ("", 0) } }
    }
    /// The number of lines scrolled past, if not all fit.
    var scroll = 0
    /// The text that the user has typed so far.
    var typed = ""

    var chosen: Choice { choices[focus] }

    /// The text to type for the focused choice, if any.
    var requiredText: String? { chosen.requiredText }

    /// Whether the user may choose the focused answer.
    var isAllowed: Bool { requiredText == nil || requiredText == typed }
}

/// The help, with what is searched for in it.
struct HelpPage: Equatable {
    var scroll = 0
    /// Only entries with this text are listed; nil while nothing is typed.
    var search: String?
}

/// A line of text that the user is typing, with its label.
struct Prompt {
    /// What the text is for.
    enum Purpose: Equatable { case stageSearch, stageFilter, logSearch, logFilter, reason }

    var purpose: Purpose
    var text: String
    /// What `esc` goes back to.
    var before: Before

    /// What typing changes.
    struct Before {
        var selection: UnitID
        var filter: StageFilter
        var search: StageSearch?
        var log: LogView
    }

    init(_ purpose: Purpose, text: String = "", in state: DashboardState) {
        self.purpose = purpose
        self.text = text
        before = Before(selection: state.selection, filter: state.filter, search: state.search, log: state.log)
    }

    var label: String {
        switch purpose {
        case .stageSearch: "find a stage"
        case .stageFilter: "show stages with all of"
        case .logSearch: "search the log"
        case .logFilter: "show lines with all of"
        case .reason: "mark \(Span(before.selection.description).text) because"
        }
    }

    /// The label where there is little room.
    var shortLabel: String {
        switch purpose {
        case .stageSearch: "find"
        case .stageFilter: "show"
        case .logSearch: "search"
        case .logFilter: "lines"
        case .reason: "because"
        }
    }
}

extension DashboardState {
    /// Appends to the text that the user is typing.
    ///
    /// - Returns: Whether there is a text field.
    mutating func type(_ text: String) -> Bool {
        switch overlay {
        case .prompt(var prompt):
            prompt.text += text
            overlay = .prompt(prompt)
        case .palette(var palette):
            palette.type(palette.text + text)
            overlay = .palette(palette)
        case .help(var help) where help.search != nil:
            help.search = (help.search ?? "") + text
            help.scroll = 0
            overlay = .help(help)
        case .confirm(let question) where question.requiredText != nil:
            changeQuestion { $0.typed += text }
        case .confirm, .help, .copying, .history, .comparison, .limits, nil: return false
        }
        return true
    }

    /// Whether what is on the screen takes a line of text together with the enter behind it; what would act on it at once, as the
    /// palette does, waits for an enter that is pressed.
    var takesLines: Bool {
        switch overlay {
        case .prompt: true
        case .palette, .help, .confirm, .copying, .history, .comparison, .limits, nil: false
        }
    }

    /// Closes the question, and says what becomes of rows that it was about.
    mutating func closeQuestion() {
        guard case .confirm(let question) = overlay else { return }
        overlay = nil
        let takesRows = question.choices.contains { if case .replay? = $0.effect { true } else { false } }
        if takesRows { say("the corrected rows are kept: \(keys.key("correct", "C")) goes on with them") }
    }

    /// Deletes the last character of the text that the user is typing.
    mutating func takeBackLetter() {
        switch overlay {
        case .prompt(var prompt):
            prompt.text = String(prompt.text.dropLast())
            overlay = .prompt(prompt)
        case .palette(var palette):
            palette.type(String(palette.text.dropLast()))
            overlay = .palette(palette)
        case .help(var help):
            help.search = help.search.map { String($0.dropLast()) }
            overlay = .help(help)
        case .confirm: changeQuestion { $0.typed = String($0.typed.dropLast()) }
        case .copying, .history, .comparison, .limits, nil: break
        }
    }

    mutating func changeQuestion(_ change: (inout Confirmation) -> Void) {
        guard case .confirm(var question) = overlay else { return }
        change(&question)
        overlay = .confirm(question)
    }

    /// Scrolls the text of the question down by pages, or up if `pages` is negative.
    mutating func scrollQuestion(_ pages: Int) {
        // At most the number of lines that a question shows if its text does not fit.
        let page = max(2, rows - 12)
        changeQuestion { $0.scroll = max(0, $0.scroll + pages * page) }
    }

    mutating func chooseNext(_ step: Int) {
        changeQuestion { $0.focus = ($0.focus + step + $0.choices.count) % $0.choices.count }
    }

    mutating func scrollHelp(_ step: Int) {
        guard case .help(var help) = overlay else { return }
        // A box that is scrolled to its end goes back at once.
        let most = max(0, OverlayPane.helpLines(self, help).count - OverlayPane.helpHeight(rows))
        help.scroll = max(0, min(help.scroll + step, most))
        overlay = .help(help)
    }

    /// Lists only the entries of the help with a text that is typed next.
    mutating func searchHelp() {
        guard case .help = overlay else { return }
        overlay = .help(HelpPage(search: ""))
    }

    /// Ends the search in the help, or closes the help.
    mutating func leaveHelp() {
        guard case .help(let help) = overlay else { return }
        overlay = help.search == nil ? nil : .help(HelpPage())
    }
}
