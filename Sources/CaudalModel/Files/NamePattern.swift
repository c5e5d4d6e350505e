import Foundation

/// Patterns for names of files and objects: `*`, `?` and `[…]`.
package enum NamePattern {
    /// In which each character of UTF-8 is one sign, whatever the user's own language is; nil where the system has none.
    ///
    /// Nothing changes it after it was made, so that all threads may use it.
    nonisolated(unsafe) private static let locale: locale_t? =
        newlocale(LC_CTYPE_MASK, "C.UTF-8", nil) ?? newlocale(LC_CTYPE_MASK, "en_US.UTF-8", nil)

    /// Whether a name fits a pattern.
    ///
    /// - Parameter flags: As the system's `fnmatch` takes them.
    package static func fits(_ name: UnsafePointer<CChar>, _ pattern: String, _ flags: Int32) -> Bool {
        if let locale {
            let before = uselocale(locale)
            defer { uselocale(before) }
            switch fnmatch(pattern, name, flags) {
            case 0: return true
            case FNM_NOMATCH: return false
            // What is no UTF-8 has no characters.
            default: break
            }
        }
        return fnmatch(pattern, name, flags) == 0
    }
}
