import Foundation

/// The program and the machine that began a run, as recorded with it.
package struct RunOrigin: Sendable, Hashable, Codable {
    /// The version of caudal.
    package var caudal: String
    /// The machine's name.
    package var host: String
    /// The operating system, such as `Debian GNU/Linux 13 (trixie), x86_64`.
    package var system: String
    package var processors: Int
    /// The machine's memory in bytes.
    package var memory: Int64
    /// The name of the user who started it.
    package var user: String
    /// The span that the run belongs to, as ``TraceContext/text``; nil where it was started outside of a trace.
    package var traceParent: String?
    /// The absolute path of the state folder in which the run was begun; nil where it was not recorded.
    package var state: String?

    package init(caudal: String, host: String, system: String, processors: Int, memory: Int64, user: String) {
        self.caudal = caudal
        self.host = host
        self.system = system
        self.processors = processors
        self.memory = memory
        self.user = user
    }

    /// The span that the run belongs to.
    package var traceContext: TraceContext? { traceParent.flatMap { TraceContext(parsing: $0) } }

    /// The origin of runs that this process starts.
    package static func current() -> RunOrigin {
        var name = [CChar](repeating: 0, count: 256)
        // A truncated or missing host name only leaves it out of reports.
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let process = ProcessInfo.processInfo
        return RunOrigin(
            caudal: Version.text, host: host, system: "\(process.operatingSystemVersionString), \(architecture)",
            processors: process.activeProcessorCount, memory: Int64(clamping: process.physicalMemory),
            user: NSUserName())
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "arm64"
        #else
            "another architecture"
        #endif
    }
}
