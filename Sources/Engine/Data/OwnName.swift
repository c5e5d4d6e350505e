/// Names that scripts make up for themselves.
enum OwnName {
    /// How they begin: with a character that no name of a pipeline file may have.
    static let prefix = "#caudal."

    /// A name that is made up here.
    static func of(_ text: String) -> String { prefix + text }
}
