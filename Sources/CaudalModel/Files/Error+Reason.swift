import Foundation

extension Error {
    /// The reason in a few words: a message of Caudal, or the system's message without Foundation's wrapping.
    package var reason: String {
        let error = self as NSError
        // Depending on the platform this is an NSError or a POSIXError.
        if let underlying = (error.userInfo[NSUnderlyingErrorKey] as? any Error).map({ $0 as NSError }),
            underlying.domain == NSPOSIXErrorDomain
        {
            return String(cString: strerror(Int32(underlying.code)))
        }
        if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(error.code))) }
        // A Foundation error would otherwise print all of its user info.
        if self is CocoaError || type(of: self) is NSError.Type { return error.localizedDescription }
        return String(describing: self)
    }
}
