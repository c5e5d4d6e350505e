import CaudalModel
import Engine
import Foundation

// How the settings of a user are read.

extension ScreenSettings {
    /// The file of settings: `CAUDAL_SETTINGS`, or `caudal/dashboard.yaml` where programs of the user keep theirs.
    static func path(_ variables: [String: String]) -> String? {
        if let path = variables["CAUDAL_SETTINGS"], !path.isEmpty { return path }
        if let folder = variables["XDG_CONFIG_HOME"], !folder.isEmpty { return folder + "/caudal/dashboard.yaml" }
        return variables["HOME"].map { $0 + "/.config/caudal/dashboard.yaml" }
    }

    /// Reads the settings of a user.
    ///
    /// - Parameters:
    ///   - theme: The one that was chosen by a flag.
    ///   - places: The keys that are active together, for each part of each screen.
    /// - Throws: ``InvalidPipeline`` with every fault of the file, or ``Failure`` for a variable that is none.
    init(_ variables: [String: String], theme: Theme?, for places: [[NamedKeys]]) throws {
        self.init()
        if let path = Self.path(variables), FileText.exists(path) { try read(path, places) }
        if let name = variables["CAUDAL_THEME"], !name.isEmpty {
            guard let chosen = Theme(rawValue: name) else {
                let words = Theme.allCases.map(\.rawValue)
                throw Failure(
                    "CAUDAL_THEME is '\(name)', which is no theme" + Suggestion.phrase(for: name, among: words),
                    remedy: "choose one of " + words.joined(separator: ", "))
            }
            self.theme = chosen
        }
        if let theme { self.theme = theme }
    }

    private mutating func read(_ path: String, _ places: [[NamedKeys]]) throws {
        let source = ConfigSource(file: path, bytes: try FileText.userText(path))
        let problems = ConfigProblems()
        if let root = source.read(problems, emptyRemedy: "remove it, or write 'theme', 'signals', 'progress' or 'keys'")
        {
            var reader = MappingReader(root, subject: "the file of settings", kind: "settings", problems: problems)
            theme = reader.choice("theme", as: Theme.self) ?? theme
            showsProgress = reader.boolean("progress") ?? false
            for text in reader.texts("signals") {
                if let form = TerminalChannel.Form(rawValue: text.value) {
                    signals.insert(form)
                } else {
                    let words = TerminalChannel.Form.allCases.map(\.rawValue)
                    problems.report(
                        "there is no signal '\(text.value)'" + Suggestion.phrase(for: text.value, among: words),
                        remedy: "choose from " + words.joined(separator: ", "), at: text.location)
                }
            }
            let entries = reader.node("keys")?.entries ?? []
            keys = KeyMap(entries, for: places, problems)
            reader.finish()
        }
        if problems.hasErrors { throw InvalidPipeline(errors: problems.errors, sources: [path: source.lines]) }
    }
}
