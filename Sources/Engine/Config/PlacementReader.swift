import CaudalModel

/// Reads where programs run: `container`, `sandbox` and `run_on`, of the pipeline or of a stage.
enum PlacementReader {
    /// What is said of it; nil when nothing is.
    ///
    /// - Parameter targets: The names of the targets that there are.
    static func read(_ reader: inout MappingReader, targets: [String]) -> Placement? {
        let container = container(&reader)
        let sandbox = sandbox(&reader)
        var target: Placement?
        if let name = reader.text("run_on") {
            if name.value != Placement.localName { target = .target(name.value) }
            if name.value != Placement.localName, !targets.contains(name.value) {
                let close = Suggestion.closest(to: name.value, among: targets + [Placement.localName])
                reader.problems.report(
                    "there is no target '\(name.value)'",
                    remedy: close.map { "did you mean '\($0)'?" }
                        ?? "add it: 'targets: {\(name.value): {type: ssh, hosts: [NAME]}}'", at: name.location)
            } else if name.value == Placement.localName {
                target = .local
            }
        }
        let given = [
            container == nil ? nil : "container", sandbox == nil || sandbox == .local ? nil : "sandbox",
            target == nil || target == .local ? nil : "run_on",
        ].compactMap { $0 }
        if given.count > 1 {
            reader.problems.report(
                "\(reader.subject) has \(given.map { "'\($0)'" }.formattedAsList), and a program runs in one place",
                remedy: "keep one of them", at: reader.location(of: given[1]))
        }
        return container ?? (sandbox == .local ? nil : sandbox) ?? target ?? sandbox
    }

    private static func container(_ parent: inout MappingReader) -> Placement? {
        guard let node = parent.node("container"), !node.isEmpty else { return nil }
        if case .scalar(let text, _) = node.content { return .container(ContainerSettings(image: text)) }
        var reader = MappingReader(node, subject: "'container'", kind: "container", problems: parent.problems)
        let image = reader.text("image", isRequired: true)?.value ?? ""
        var settings = ContainerSettings(image: image, mounts: mounts(&reader))
        settings.network = reader.choice("network", as: PlacementNetwork.self) ?? .none
        settings.user = reader.text("user")?.value
        settings.variables = variables(&reader)
        settings.pull = reader.choice("pull", as: ContainerSettings.Pull.self) ?? .missing
        settings.duckDB = duckDB(&reader)
        reader.finish()
        return .container(settings)
    }

    private static func sandbox(_ parent: inout MappingReader) -> Placement? {
        guard let node = parent.node("sandbox"), !node.isEmpty else { return nil }
        if case .scalar = node.content {
            return parent.boolean("sandbox").map { $0 ? .sandbox(SandboxSettings()) : .local }
        }
        var reader = MappingReader(node, subject: "'sandbox'", kind: "sandbox", problems: parent.problems)
        var settings = SandboxSettings(mounts: mounts(&reader))
        settings.network = reader.choice("network", as: PlacementNetwork.self) ?? .none
        if settings.network == .bridge {
            reader.problems.report(
                "a sandbox has no network of its own", remedy: "write 'none' or 'host'",
                at: reader.location(of: "network"))
        }
        settings.variables = variables(&reader)
        reader.finish()
        return .sandbox(settings)
    }

    private static func mounts(_ reader: inout MappingReader) -> [PlacementMount] {
        reader.texts("mounts").compactMap { text in
            let parts = text.value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard (1...2).contains(parts.count), !parts[0].isEmpty, parts.count == 1 || ["ro", "rw"].contains(parts[1])
            else {
                reader.problems.report(
                    "'\(text.value)' is no mount: a path is the same inside as outside",
                    remedy: "write a path, and ':ro' behind it if it is only read", at: text.location)
                return nil
            }
            return PlacementMount(path: parts[0], isReadOnly: parts.count == 2 && parts[1] == "ro")
        }
    }

    /// Names of variables of Caudal's environment.
    static func variables(_ reader: inout MappingReader) -> [String] {
        reader.texts("env").compactMap { text in
            let isName = text.value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            if isName, text.value.first?.isNumber == false { return text.value }
            reader.problems.report(
                "'\(text.value)' is no name of a variable",
                remedy: "'env' here lists names whose values are passed on; values of its own have the stage's 'env'",
                at: text.location)
            return nil
        }
    }

    /// The path of DuckDB where it runs.
    static func duckDB(_ reader: inout MappingReader) -> String? {
        guard let path = reader.text("duckdb") else { return nil }
        if !path.value.hasPrefix("/") {
            reader.problems.report(
                "'duckdb' must be a whole path, not '\(path.value)'", remedy: "write it from '/'", at: path.location)
        }
        return path.value
    }
}

/// Reads `targets`: the machines and clusters that stages may run on.
enum TargetReader {
    static func read(_ parent: inout MappingReader) -> [Target] {
        parent.named("targets").compactMap { read($0, parent.problems) }
    }

    private static func read(_ entry: ConfigNode.Entry, _ problems: ConfigProblems) -> Target? {
        let name = entry.key.value
        if name == Placement.localName || ContainerEngineName(rawValue: name) != nil {
            problems.report(
                "a target cannot be called '\(name)'", remedy: "give it another name", at: entry.key.location)
        }
        let type = entry.value[key: "type"].flatMap { node -> String? in
            if case .scalar(let text, _) = node.content { text } else { nil }
        }
        let known = ["kubernetes", "slurm", "ssh"]
        var reader = MappingReader(
            entry.value, subject: "target '\(name)'", kind: "target:\(type ?? "")", problems: problems)
        guard let found = reader.text("type", isRequired: true) else {
            _ = reader.takeRemaining()
            return nil
        }
        guard known.contains(found.value) else {
            problems.report(
                "'type' must be \(known.formattedAsChoice), not '\(found.value)'",
                remedy: Suggestion.closest(to: found.value, among: known).map { "did you mean '\($0)'?" },
                at: found.location)
            _ = reader.takeRemaining()
            return nil
        }
        let kind: Target.Kind =
            switch found.value {
            case "ssh": .ssh(ssh(&reader))
            case "slurm": .slurm(slurm(&reader))
            default: .kubernetes(kubernetes(&reader))
            }
        let target = Target(
            name: name, kind: kind, duckDB: PlacementReader.duckDB(&reader),
            variables: PlacementReader.variables(&reader), location: entry.key.location)
        reader.finish()
        return target
    }

    /// How files reach another machine.
    private enum Transfer: String, CaseIterable { case shared, copy }

    private static func ssh(_ reader: inout MappingReader) -> SSHSettings {
        let slots = reader.integer("slots", in: 1...4096) ?? 1
        var hosts: [SSHSettings.Host] = []
        for node in reader.nodes("hosts") {
            switch node.content {
            case .scalar(let text, _):
                if isHost(text, node, reader.problems) { hosts.append(SSHSettings.Host(name: text, slots: slots)) }
            case .mapping, .sequence:
                var entry = MappingReader(node, subject: "a host", kind: "target host", problems: reader.problems)
                let own = entry.integer("slots", in: 1...4096) ?? slots
                if let name = entry.text("host", isRequired: true), isHost(name.value, node, reader.problems) {
                    hosts.append(SSHSettings.Host(name: name.value, slots: own))
                }
                entry.finish()
            }
        }
        for (index, host) in hosts.enumerated() where hosts[..<index].contains(where: { $0.name == host.name }) {
            reader.problems.report("the host '\(host.name)' is there twice", at: reader.location(of: "hosts"))
        }
        if hosts.isEmpty, reader.nodes("hosts").isEmpty {
            reader.reportMissing("\(reader.subject) needs 'hosts'", remedy: "write 'hosts: [NAME]'")
        }
        return SSHSettings(
            hosts: hosts, user: reader.text("user")?.value, port: reader.integer("port", in: 1...65535),
            identity: reader.text("identity")?.value, options: reader.texts("options").map(\.value),
            silence: reader.duration("silence", isPositive: true) ?? SSHSettings.usualSilence,
            copies: reader.choice("transfer", as: Transfer.self) == .copy ? true : nil)
    }

    /// Whether a text names a machine, and is no option of ssh.
    private static func isHost(_ text: String, _ node: ConfigNode, _ problems: ConfigProblems) -> Bool {
        let isFine = !text.isEmpty && !text.hasPrefix("-") && !text.contains(where: \.isWhitespace)
        if !isFine { problems.report("'\(text)' is no name of a machine", at: node.location) }
        return isFine
    }

    /// Options of sbatch by which Caudal finds a job, follows it and reads what it writes.
    private static let ownOptions: Set<String> = [
        "--job-name", "-J", "--array", "-a", "--requeue", "--no-requeue", "--export", "--export-file", "--parsable",
        "--output", "-o", "--error", "-e", "--open-mode", "--chdir", "-D", "--comment", "--wrap", "--wait", "-W",
        "--clusters", "-M", "--test-only", "--help", "-h", "--usage", "--version", "-V",
    ]

    private static func slurm(_ reader: inout MappingReader) -> SlurmSettings {
        let options = reader.texts("options")
        for option in options {
            let name =
                option.value.hasPrefix("--")
                ? String(option.value.prefix { $0 != "=" }) : String(option.value.prefix(2))
            // An abbreviation of a long option is one too.
            let own = ownOptions.filter { $0 == name || name.count > 3 && name.hasPrefix("--") && $0.hasPrefix(name) }
                .min()
            guard let own else { continue }
            reader.problems.report(
                "the option '\(own)' of sbatch is Caudal's own: by it a job is found, followed or read",
                remedy: "remove it", at: option.location)
        }
        return SlurmSettings(
            partition: reader.text("partition")?.value, account: reader.text("account")?.value,
            qos: reader.text("qos")?.value, time: reader.duration("time", isPositive: true),
            memory: reader.size("memory"), cpus: reader.integer("cpus", in: 1...65536),
            poll: reader.duration("poll", isPositive: true) ?? .seconds(2),
            options: options.map(\.value))
    }

    private static func kubernetes(_ reader: inout MappingReader) -> KubernetesSettings {
        var settings = KubernetesSettings(
            context: reader.text("context")?.value, namespace: label("namespace", &reader),
            image: reader.text("image", isRequired: true)?.value ?? "",
            pull: reader.choice("pull", as: ContainerSettings.Pull.self) ?? .missing,
            serviceAccount: label("service_account", &reader),
            claim: label("claim", isRequired: true, &reader) ?? "", mount: mount(&reader),
            memory: reader.size("memory"), cpu: reader.number("cpu", in: 0.001...4096))
        settings.start = reader.duration("start", isPositive: true) ?? settings.start
        settings.keep = reader.duration("keep", isPositive: true) ?? settings.keep
        settings.poll = reader.duration("poll", isPositive: true) ?? settings.poll
        // Their names have points and slashes.
        for entry in reader.node("node_selector")?.entries ?? [] {
            guard case .scalar(let text, _) = entry.value.content else {
                reader.problems.report("a label must be text, not \(entry.value.kindName)", at: entry.value.location)
                continue
            }
            settings.nodes[entry.key.value] = text
        }
        return settings
    }

    /// A name as Kubernetes has them.
    private static func label(
        _ key: String, isRequired: Bool = false, _ reader: inout MappingReader
    ) -> String? {
        guard let text = reader.text(key, isRequired: isRequired) else { return nil }
        let isFine =
            text.value.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || "-.".contains($0)) }
            && text.value.count <= 253
        if !isFine {
            reader.problems.report(
                "'\(text.value)' cannot be a '\(key)' of Kubernetes",
                remedy: "use small letters a to z, digits, '-' and '.'", at: text.location)
        }
        return text.value
    }

    /// Where the project's volume is mounted.
    private static func mount(_ reader: inout MappingReader) -> String? {
        guard let path = reader.text("mount") else { return nil }
        if !path.value.hasPrefix("/") || path.value.contains(":") {
            reader.problems.report(
                "'mount' must be a whole path without ':', not '\(path.value)'", remedy: "write it from '/'",
                at: path.location)
        }
        return path.value.count > 1 && path.value.hasSuffix("/") ? String(path.value.dropLast()) : path.value
    }

    /// Reads a file of targets that many pipelines share.
    static func read(file: String, _ bytes: [UInt8], _ problems: ConfigProblems) -> (targets: [Target], lines: [String])
    {
        let source = ConfigSource(file: file, bytes: bytes)
        guard let node = source.read(problems, emptyRemedy: "write 'targets:' with at least one, or remove the file")
        else { return ([], source.lines) }
        var reader = MappingReader(node, subject: "the file of targets", kind: "targets file", problems: problems)
        let targets = read(&reader)
        reader.finish()
        return (targets, source.lines)
    }
}
