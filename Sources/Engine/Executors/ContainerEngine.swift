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
