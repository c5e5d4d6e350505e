package import CaudalModel

/// Where a program was launched, with everything by which that place is found again, whatever the file says by then.
package struct LaunchPlace: Sendable, Hashable, Codable {
    /// What runs it there.
    package enum Kind: Sendable, Hashable, Codable {
        case local
        case container(ContainerSettings)
        case sandbox(SandboxSettings)
        case target(Target)
    }

    package var kind: Kind
    /// The variables of Caudal's environment that decide which engine, or which cluster, its programs reach.
    package var variables: [String: String]

    package init(_ kind: Kind, of environment: [String: String]) {
        self.kind = kind
        variables = environment.filter { name, _ in
            switch kind {
            case .local, .sandbox: false
            case .container:
                [ContainerEngine.variable, "CONTAINER_HOST", "DOCKER_HOST", "DOCKER_CONTEXT"].contains(name)
            case .target: ["SLURM_CONF", "SLURM_CLUSTERS", "KUBECONFIG"].contains(name)
            }
        }
    }
}

/// One try to run a program in another place, as it is noted before anything of it can begin.
package struct LaunchNote: Sendable, Hashable, Codable {
    /// A name that no other try has, and that whatever is started for this one carries.
    package var mark: String
    /// The attempt: `run/stage/item#attempt`.
    package var marker: String
    package var place: LaunchPlace
    /// The machine that is asked to run it; nil where something else chooses one.
    package var machine: String?
}
