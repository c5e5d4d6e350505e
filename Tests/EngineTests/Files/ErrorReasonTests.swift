import CaudalModel
import Engine
import Foundation
import Testing

@Suite("Reasons of errors", .timeLimit(.minutes(15)))
struct ErrorReasonTests {
    @Test("An error of Foundation is told in a few words, never with its inside")
    func foundation() {
        let errors: [any Error] = [
            CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: "/nope"]),
            NSError(domain: NSCocoaErrorDomain, code: 4, userInfo: [NSFilePathErrorKey: "/nope"]),
            NSError(domain: "made.up", code: 7),
        ]
        for error in errors {
            #expect(!error.reason.contains("Domain="), "\(error.reason)")
            #expect(!error.reason.contains("UserInfo"), "\(error.reason)")
            #expect(error.reason.count < 120)
        }
    }

    @Test("A fault of the system below an error of Foundation is told in the system's words")
    func system() {
        let full = NSError(domain: NSPOSIXErrorDomain, code: Int(ENOSPC))
        #expect(
            CocoaError(.fileWriteUnknown, userInfo: [NSUnderlyingErrorKey: full]).reason == "No space left on device")
        #expect((full as any Error).reason == "No space left on device")
    }

    @Test("The engine's own errors say what they say")
    func own() {
        #expect(Failure("it broke", remedy: "mend it").reason == "it broke; mend it")
        let place = SourceLocation(file: "p.yaml", line: 2, column: 3)
        #expect(ConfigError("no", at: place).reason == "p.yaml:2:3: error: no")
    }
}
