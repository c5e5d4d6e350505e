import Foundation

extension Error {
    /// The `errno` of the system call that failed; nil where none did.
    package var systemError: Int32? {
        let error = self as NSError
        // Depending on the platform this is an NSError or a POSIXError.
        let underlying = (error.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError } ?? error
        return underlying.domain == NSPOSIXErrorDomain ? Int32(underlying.code) : nil
    }

    /// The reason in a few words: a message of Caudal, or the system's message without Foundation's wrapping.
    package var reason: String {
        if let systemError { return Failure.words(ofErrno: systemError) }
        // A Foundation error would otherwise print all of its user info.
        if self is CocoaError || type(of: self) is NSError.Type { return (self as NSError).localizedDescription }
        return String(describing: self)
    }
}

extension Failure {
    /// Any error, with its remedy and its place if it has them.
    package init(describing error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as any DomainError: self = error.failure
        case let error as ConfigError: self.init(error.message, remedy: error.remedy, location: error.location)
        default: self.init(error.reason)
        }
    }

    /// A failure of a system call.
    ///
    /// - Parameters:
    ///   - message: What could not be done; the system's words follow after a colon.
    ///   - code: The `errno` of the call.
    package init(
        _ message: String, errno code: Int32, remedy: String? = nil, location: SourceLocation? = nil
    ) {
        self.init("\(message): \(Self.words(ofErrno: code))", remedy: remedy, location: location)
    }

    /// The system's words for an `errno`, such as `No such file or directory`.
    package static func words(ofErrno code: Int32) -> String { String(cString: strerror(code)) }
}
