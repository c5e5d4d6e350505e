/// Letters whose other case Java and DuckDB do not agree about.
enum SparkLetters {
    /// Matches a text with such a letter: those that become several letters, those whose case depends on what stands around
    /// them (the Greek sigma), and those that are newer than Java 17.
    static let changedDifferently =
        "[\\x{df}\\x{130}\\x{149}\\x{19b}\\x{1f0}\\x{264}\\x{390}\\x{3a3}\\x{3b0}\\x{587}\\x{1c89}-\\x{1c8a}\\x{1e96}-\\x{1e9a}"
        + "\\x{1f50}-\\x{1f57}\\x{1f80}-\\x{1fff}\\x{a7cb}-\\x{a7dc}\\x{fb00}-\\x{fb17}\\x{10d50}-\\x{10d85}"
        + "\\x{16ea0}-\\x{16ed3}]"
}
