import ArgumentParser

/// The help of arguments and options that several verbs have.
extension ArgumentHelp {
    static let run: ArgumentHelp = "The run: its ID, the start or end of the ID, or 'last'."
    static let pipelineFile: ArgumentHelp = "The pipeline file."
    static let environment: ArgumentHelp = "The environment of the pipeline file to use."
    static let yes: ArgumentHelp = "Answer yes to every prompt."
    static let asStarted: ArgumentHelp =
        "Use the pipeline as recorded with the run, even if its file has changed."
    static let color: ArgumentHelp = "When to colour the output; NO_COLOR turns colours off in 'auto'."

    /// `thing`: what a line tells of, such as `run`.
    static func jsonLine(for thing: String) -> ArgumentHelp { "Print one line of JSON for each \(thing)." }

    /// `things`: what the list has, such as `runs`.
    static func limit(of things: String) -> ArgumentHelp { "Maximum number of \(things)." }
}

/// The names of options that several verbs have, where they are more than the property's.
extension NameSpecification {
    static let environment: NameSpecification = [.customLong("env"), .short]
    static let yes: NameSpecification = [.long, .customShort("y")]
    static let limit: NameSpecification = [.customShort("n"), .long]
}
