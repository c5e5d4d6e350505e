import Foundation

/// Who asks for things: the user's name.
enum Operator {
    static var name: String { ProcessInfo.processInfo.environment["USER"] ?? NSUserName() }

    /// Who asks a process for something: the user, the machine and the process, and from where.
    static func here(_ place: String) -> String {
        "\(name)@\(ProcessInfo.processInfo.hostName), \(place), pid \(getpid())"
    }
}
