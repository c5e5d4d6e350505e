import CaudalModel
import Foundation

/// Prints what `caudal doctor` finds, thing by thing, and notes whether anything is wrong.
final class DoctorFindings {
    /// How a thing stands.
    private enum State: String {
        case good, bad
        /// It is not there, and not every project needs it.
        case absent

        var sign: String {
            switch self {
            case .good: "✓"
            case .bad: "✗"
            case .absent: "–"
            }
        }
    }

    /// One thing, as JSON.
    private struct Line: Encodable {
        var thing: String
        var state: String
        var message: String
        var remedy: String?
    }

    private let isJSON: Bool
    private(set) var isFine = true

    init(asJSON: Bool) { isJSON = asJSON }

    /// - Parameter remedy: What to do where it is not good.
    func tell(_ isGood: Bool, _ thing: String, _ message: String, remedy: String? = nil) {
        isFine = isFine && isGood
        print(isGood ? .good : .bad, thing, message, isGood ? nil : remedy)
    }

    /// Tells why something is not there that not every project needs.
    func tellAbsent(_ thing: String, _ reason: Failure) { print(.absent, thing, reason.message, reason.remedy) }

    private func print(_ state: State, _ thing: String, _ message: String, _ remedy: String?) {
        if isJSON {
            return Output.json(Line(thing: thing, state: state.rawValue, message: message, remedy: remedy))
        }
        Output.line("\(state.sign) \(thing.padding(toLength: 10, withPad: " ", startingAt: 0)) \(message)")
        if let remedy { Output.line("             \(remedy)") }
    }
}
