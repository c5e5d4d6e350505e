import Foundation

/// The user of this process, as recorded in events of runs.
enum Operator {
    static var name: String { ProcessInfo.processInfo.environment["USER"] ?? NSUserName() }

    /// The sender of a command to another process: user, host, origin and process ID.
    static func sender(via place: String) -> String {
        "\(name)@\(ProcessInfo.processInfo.hostName), \(place), pid \(getpid())"
    }
}
