import Foundation

extension Error {
    /// What went wrong in a few words: the engine's own, or the system's without the wrapping that Foundation puts
    /// around them.
    package var reason: String {
        let error = self as NSError
        // Depending on the platform this is an NSError or a POSIXError.
        if let underlying = (error.userInfo[NSUnderlyingErrorKey] as? any Error).map({ $0 as NSError }),
            underlying.domain == NSPOSIXErrorDomain
        {
            return String(cString: strerror(Int32(underlying.code)))
        }
        if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(error.code))) }
        // An error of Foundation describes itself with its whole inside.
        if self is CocoaError || type(of: self) is NSError.Type { return error.localizedDescription }
        return String(describing: self)
    }
}
