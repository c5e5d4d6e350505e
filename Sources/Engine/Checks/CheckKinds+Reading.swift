package import CaudalModel

extension CheckKinds {
    /// Reads `checks:`.
    package static func read(_ nodes: [ConfigNode], _ problems: ConfigProblems) -> [Check] {
        var checks: [Check] = []
        for node in nodes {
            for var check in read(node, problems) {
                if checks.contains(where: { $0.id == check.id }) {
                    let isNamed = node[key: "id"] != nil
                    if isNamed {
                        problems.report(
                            "two checks of this stage have the id '\(check.id)'", remedy: "give one of them another id",
                            at: check.location)
                    }
                    var number = 2
                    while checks.contains(where: { $0.id == "\(check.id)_\(number)" }) { number += 1 }
                    check.id = "\(check.id)_\(number)"
                }
                checks.append(check)
            }
        }
        return checks
    }

    private static func read(_ node: ConfigNode, _ problems: ConfigProblems) -> [Check] {
        guard case .mapping(let entries) = node.content else {
            problems.report(
                "a check must be a mapping such as {unique: order_id}, not \(node.kindName)", at: node.location)
            return []
        }
        let named = entries.filter { Self.named($0.key.value) != nil }
        guard let entry = named.first, named.count == 1, let kind = Self.named(entry.key.value) else {
            let place = entries.first?.key
            if named.count > 1 {
                problems.report("this is two checks in one", remedy: "begin each with '- '", at: named[1].key.location)
            } else {
                let phrase = place.map { Suggestion.phrase(for: $0.value, among: names) } ?? ""
                problems.report("this check has no kind that is known\(phrase)", at: place?.location ?? node.location)
            }
            return []
        }
        let name = kind.typeName
        var reader = MappingReader(node, subject: "check '\(name)'", kind: "check:\(name)", problems: problems)
        _ = reader.node(name)
        let subject = CheckSubject(kind: name, node: entry.value, problems: problems)
        let definitions: [any CheckDefinition] = kind.read(subject, &reader)
        var checks = definitions.map { definition in
            Check(
                id: ([name] + definition.columns).joined(separator: "_"), definition: definition,
                location: entry.key.location)
        }
        let common = settings(of: kind, &reader)
        reader.finish()
        for index in checks.indices {
            common(&checks[index])
            // One id for a list of columns would name several checks.
            if checks.count > 1, node[key: "id"] != nil {
                checks[index].id += "_" + checks[index].definition.columns.joined(separator: "_")
            }
        }
        return checks
    }

    /// Reads the settings that every check may have, and returns a function that applies them to a check.
    private static func settings(
        of kind: any CheckKind.Type, _ reader: inout MappingReader
    ) -> (inout Check) -> Void {
        let problems = reader.problems
        let id = reader.name("id")
        let severity = reader.choice("severity", as: Check.Severity.self) ?? .error
        let filter = reader.text("where").flatMap { problems.expression($0) }
        if filter != nil, !kind.looksAtRows {
            problems.report(
                "'where' does not go with '\(kind.typeName)', which looks at columns and not at rows",
                remedy: "remove it",
                at: reader.location(of: "where"))
        }
        let partition = reader.text("partition_by")
        if let partition, let remedy = kind.insteadOfParts(by: partition.value) {
            problems.report(
                "'partition_by' does not go with '\(kind.typeName)'", remedy: remedy,
                at: reader.location(of: "partition_by"))
        }
        let waiver = waiver(&reader)
        let limits = kind.limits(&reader)
        var warnLimits: Check.Bounds?
        if var warn = reader.mapping("warn", subject: "'warn'", kind: "check warn:\(kind.typeName)") {
            warnLimits = kind.limits(&warn)
            warn.finish()
        }
        return { check in
            if let id { check.id = id.value }
            check.severity = severity
            check.filter = filter
            check.partitionBy = partition?.value
            check.waiver = waiver
            check.limits = limits
            check.warnLimits = warnLimits
        }
    }

    private static func waiver(_ parent: inout MappingReader) -> Check.Waiver? {
        guard var reader = parent.mapping("waive", subject: "'waive'", kind: "waive") else { return nil }
        let until = reader.text("until", isRequired: true)
        let reason = reader.prose("reason", isRequired: true)
        reader.finish()
        guard let until, let reason else { return nil }
        guard UTC.milliseconds(ofDate: until.value) != nil else {
            parent.problems.report(
                "'until' must be a date such as 2026-12-31, not '\(until.value)'", at: until.location)
            return nil
        }
        guard reason.value.contains(where: { !$0.isWhitespace }) else {
            parent.problems.report(
                "'reason' is empty", remedy: "say why a breach is accepted for a time", at: reason.location)
            return nil
        }
        return Check.Waiver(until: until.value, reason: reason.value)
    }
}
