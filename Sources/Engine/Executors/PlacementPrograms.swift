import CaudalModel

/// The programs that run stages elsewhere than as plain processes.
package enum PlacementPrograms {
    /// What each of them is for, and where it is; nil for one that is not there.
    package static func found(_ variables: [String: String]) -> [(thing: String, place: String?)] {
        let path = variables["PATH"] ?? ProgramPath.usual
        func place(_ name: String) -> String? { try? ProcessExecutor.find(name, path: path, folder: "/") }
        let engine = try? ContainerEngine.find { variables[$0] }
        return [
            ("container", engine.map { "\($0.name.rawValue) at \($0.path)" }),
            ("sandbox", place("bwrap").map { "bubblewrap at \($0)" }), ("ssh", place("ssh")),
            ("slurm", place("sbatch")), ("kubernetes", place("kubectl")),
        ]
    }
}
