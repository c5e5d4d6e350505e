package import CaudalModel
import Foundation

/// The program that runs containers on this machine.
package struct ContainerEngine: Sendable, Hashable {
    package let name: ContainerEngineName
    package let path: String

    /// The variable that names the program to be used.
    package static let variable = "CAUDAL_CONTAINER_ENGINE"

    /// The first of the known programs that is there, or the one that the variable names.
    ///
    /// - Throws: ``Failure`` when there is none.
    package static func find(_ variables: (String) -> String?) throws(Failure) -> ContainerEngine {
        let path = variables("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        if let chosen = variables(variable), !chosen.isEmpty {
            let found = try ProcessExecutor.find(chosen, path: path, folder: "/")
            // A script around an engine has its name in its own.
            let file = PathText.lastComponent(of: found)
            return ContainerEngine(name: file.contains("docker") ? .docker : .podman, path: found)
        }
        for name in ContainerEngineName.allCases {
            if let found = try? ProcessExecutor.find(name.rawValue, path: path, folder: "/") {
                return ContainerEngine(name: name, path: found)
            }
        }
        throw Failure(
            "neither podman nor docker is on PATH", remedy: "install one of them, or name it in \(variable)")
    }

    /// The variables of a client that belong to it, and not to the program that it has run.
    private static let ownVariables: Set = ["HOME", "PATH", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "USER"]
    private static let ownPrefixes = ["BUILDAH_", "CONTAINER", "DBUS_", "DOCKER_", "PODMAN_", "REGISTRY_", "XDG_"]

    /// Whether a client does not work with another value of a variable.
    static func needs(_ name: String) -> Bool {
        ownVariables.contains(name) || ownPrefixes.contains { name.hasPrefix($0) }
    }

    /// Asks the engine something short.
    ///
    /// - Throws: ``Failure`` when it does not answer.
    func ask(
        _ arguments: [String], limit: Duration = ToolRun.patience, on host: ProgramHost
    ) async throws(Failure) -> ToolRun.Answer {
        // Started as a child of its own kind, so that whatever the engine leaves running is none of an attempt.
        try await ToolRun.output(
            of: path, arguments, environment: host.environment.all, marker: "caudal/tool", limit: limit,
            reactor: host.reactor)
    }

    /// Ends the monitors of containers that podman was about to make when it was killed.
    ///
    /// They wait for it for ever, with the runtime that they have started, and podman does not know of them. Those of
    /// containers that were removed end by themselves.
    func endMonitors(of names: Set<String>) async {
        for _ in 0..<20 {
            if Self.monitors(of: names, in: ProcessTable.snapshot()).isEmpty { return }
            do { try await Task.sleep(for: .milliseconds(50)) } catch { break }
        }
        let table = ProcessTable.snapshot()
        var ended = Self.monitors(of: names, in: table)
        var open = Array(ended)
        while let parent = open.popLast() {
            for (pid, fields) in table where fields.parent == parent && ended.insert(pid).inserted { open.append(pid) }
        }
        for pid in ended { kill(pid, SIGKILL) }
    }

    private static func monitors(of names: Set<String>, in table: [Int32: ProcessTable.Fields]) -> Set<Int32> {
        let found = table.filter { pid, fields in
            guard fields.name == "conmon", fields.state != "Z",
                let bytes = try? FileText.bytes("/proc/\(pid)/cmdline")
            else { return false }
            let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            let name = words.firstIndex(of: "-n").flatMap { words.dropFirst($0 + 1).first }
            return name.map(names.contains) == true
        }
        return Set(found.keys)
    }

    /// Ends containers, whether they run or were only made.
    ///
    /// - Throws: ``Failure`` when the engine does not end them.
    func remove(_ names: [String], on host: ProgramHost) async throws(Failure) {
        if names.isEmpty { return }
        let grace = name == .podman ? ["--time", "0"] : []
        let answer = try await ask(["rm", "--force"] + grace + names, on: host)
        let told = answer.errors.trimmed
        if answer.exit != .exited(0), !told.lowercased().contains("no such container"),
            !told.contains("no container with")
        {
            throw Failure("\(name.rawValue) does not end \(names.joined(separator: ", ")): \(told.shortened(to: 200))")
        }
    }
}
