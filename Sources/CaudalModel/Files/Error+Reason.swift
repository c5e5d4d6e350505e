import Foundation

extension Error {
    /// The reason in a few words: a message of Caudal, or the system's message without Foundation's wrapping.
    package var reason: String {
        let error = self as NSError
        // Depending on the platform this is an NSError or a POSIXError.
        if let underlying = (error.userInfo[NSUnderlyingErrorKey] as? any Error).map({ $0 as NSError }),
            underlying.domain == NSPOSIXErrorDomain
        {
            return Failure.words(ofErrno: Int32(underlying.code))
        }
        if error.domain == NSPOSIXErrorDomain { return Failure.words(ofErrno: Int32(error.code)) }
        // A Foundation error would otherwise print all of its user info.
        if self is CocoaError || type(of: self) is NSError.Type { return error.localizedDescription }
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
