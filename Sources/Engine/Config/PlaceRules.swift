package import CaudalModel
import Foundation

/// The rules about the places of a pipeline: each place is written by one stage, and no stage overwrites what is read
/// or kept there.
///
/// Places are compared as files, not as texts. They are checked when the file is read, when an unknown reference equals
/// only itself, and again when a run is planned, with the values of that run.
package struct PlaceRules {
    private let pipeline: Pipeline
    private let problems: ConfigProblems
    private let stateFolder: FileIdentity
    private let value: (Template.Reference) -> String?
    /// The places that stages write, in file order.
    private var writes: [Write] = []
    /// The places that no stage may overwrite.
    private var kept: [(what: String, place: FileIdentity)] = []

    private struct Write {
        var stage: StageID
        var what: String
        var place: FileIdentity
        var location: SourceLocation

        /// Whether part of its path is not known yet.
        var isOpen: Bool { place.path.contains("\u{2}") }
    }

    private struct Read {
        var stage: StageID
        var dataset: DatasetName?
        var what: String
        var place: FileIdentity
        var isPattern: Bool
        var location: SourceLocation
    }

    /// The rules for a pipeline.
    ///
    /// - Parameters:
    ///   - variables: The process's environment, which may say where runs are stored.
    ///   - value: The value of a reference, where it is known.
    package init(
        _ pipeline: Pipeline, _ problems: ConfigProblems, variables: [String: String],
        value: @escaping (Template.Reference) -> String?
    ) {
        self.pipeline = pipeline
        self.problems = problems
        self.value = value
        let chosen = variables["CAUDAL_STATE"].flatMap { $0.isEmpty ? nil : $0 } ?? ".caudal"
        stateFolder = FileIdentity(chosen, in: pipeline.root)
        kept = [
            ("the pipeline file", FileIdentity(pipeline.file, in: FileManager.default.currentDirectoryPath)),
            ("the folder of runs", stateFolder), ("the project's folder", FileIdentity(pipeline.root)),
        ]
        for dataset in pipeline.datasets {
            if let schema = dataset.schema { kept.append(("the schema of '\(dataset.name)'", place(schema.value))) }
        }
        for connection in pipeline.connections.values.sorted(by: { $0.name < $1.name }) {
            if let path = connection.settings["path"] {
                kept.append(("the database of '\(connection.name)'", place(filled(path))))
            }
        }
        for stage in pipeline.stages {
            for output in stage.definition.outputs {
                guard let dataset = pipeline.dataset(output), let path = dataset.path, !path.description.isEmpty else {
                    continue
                }
                for path in items(of: path, stage) {
                    writes.append(
                        Write(
                            stage: stage.id, what: "'\(output)'", place: place(filled(path)),
                            location: dataset.placeLocation))
                }
            }
            for output in stage.definition.otherOutputs(of: pipeline.name) {
                writes.append(
                    Write(
                        stage: stage.id, what: "\(output.what) of '\(stage.id)'", place: place(filled(output.path)),
                        location: output.location))
            }
        }
    }

    // MARK: - Filling

    /// A path with its known references filled in; an unknown one equals only itself, and is neither `/` nor a pattern.
    private func filled(_ path: Template) -> String { path.filled { value($0) ?? "\u{2}\($0)\u{2}" } }

    /// The paths of a stage's items as far as literal lists determine them; only the path itself when there are too
    /// many.
    private func items(of path: Template, _ stage: Stage) -> [Template] {
        var paths = [path]
        for (name, source) in stage.fanOut?.variables ?? [] where path.itemVariables.contains(name) {
            guard case .values(let values) = source, paths.count * values.count <= 1000 else { continue }
            paths = paths.flatMap { path in
                values.map { text in
                    path.partlyFilled { $0 == .item(name) ? PathComponent.of(filled(text.value)) : nil }
                }
            }
        }
        // Items that would write the same file are compared once all of their values are known.
        var seen: Set<Template> = []
        return paths.filter { seen.insert($0).inserted }
    }

    private func place(_ path: String) -> FileIdentity { FileIdentity(path, in: pipeline.root) }

    /// The place as the file would write it.
    private func shown(_ place: FileIdentity) -> String {
        PathText.relative(place.path, to: FileIdentity(pipeline.root).path).split(
            separator: "\u{2}", omittingEmptySubsequences: false
        )
        .enumerated().map { $0.offset % 2 == 1 ? "${\($0.element)}" : String($0.element) }.joined()
    }

    // MARK: - The rules

    /// Reports every breach.
    ///
    /// - Returns: Upstream stages that follow from the files that stages read, besides those that follow from dataset
    ///   names.
    @discardableResult
    package func check() -> [StageID: Set<StageID>] {
        checkSchemes()
        checkWrites()
        checkTables()
        checkNotifications()
        return checkReads()
    }

    private func checkWrites() {
        let writesByPlace = Dictionary(grouping: writes, by: \.place)
        var seen: [FileIdentity: Write] = [:]
        for write in writes {
            // A dataset that two stages write has been reported by name.
            if let other = seen[write.place], other.what == write.what, other.stage == write.stage {
                problems.report(
                    "two items of '\(write.stage)' would both write \(shown(write.place))",
                    remedy: "put something between the variables in the path, such as a slash", at: write.location)
            } else if let other = seen[write.place], other.what != write.what || other.stage == write.stage {
                problems.report(
                    "\(other.what) and \(write.what) are one file, \(shown(write.place)), and \(both(other, write))",
                    remedy: "give one of them another path; the other is on line \(other.location.line)",
                    at: write.location)
            }
            if seen[write.place] == nil { seen[write.place] = write }
            for outer in write.place.folders.compactMap({ writesByPlace[$0]?.first }) {
                problems.report(
                    "\(write.what) of stage '\(write.stage)' lies in \(outer.what), which '\(outer.stage)' "
                        + "replaces as a whole", remedy: "put it beside \(shown(outer.place))", at: write.location)
            }
            for (what, place) in kept where write.place == place || write.place.holds(place) {
                problems.report(
                    "\(write.what) is \(shown(write.place).isEmpty ? "." : shown(write.place)), and writing it would "
                        + "replace \(what)", remedy: "write to a place of its own", at: write.location)
                break
            }
            if stateFolder.holds(write.place) {
                problems.report(
                    "\(write.what) lies in the folder of runs", remedy: "write to another folder", at: write.location)
            }
        }
    }

    private func both(_ one: Write, _ other: Write) -> String {
        one.stage == other.stage ? "'\(one.stage)' writes both" : "'\(one.stage)' and '\(other.stage)' write it"
    }

    private func checkReads() -> [StageID: Set<StageID>] {
        var upstream = Closure(pipeline.upstream)
        var added: [StageID: Set<StageID>] = [:]
        var reported: Set<String> = []
        let writesByPlace = Dictionary(grouping: writes, by: \.place)
        for read in reads {
            // Only a pattern has to be compared with every written path.
            let near =
                read.isPattern
                ? writes
                : ([read.place] + read.place.folders).flatMap { writesByPlace[$0] ?? [] } + writes.filter(\.isOpen)
            for write in near {
                let isSame = !read.isPattern && read.place == write.place
                let isSure =
                    isSame || write.place.holds(read.place) || read.isPattern && covers(read.place, write.place)
                guard isSure || mayBe(read.place, write.place) else { continue }
                let isOver = read.stage == write.stage || upstream.of(write.stage).contains(read.stage)
                // Two paths that are equal only for some item's value are compared when that value is known.
                if isOver, !isSure { continue }
                if isSame, !isOver {
                    guard reported.insert(read.what + write.what).inserted else { continue }
                    problems.report(
                        "\(read.what) is the file that '\(write.stage)' writes as \(write.what)",
                        remedy: "read \(write.what); its path is on line \(write.location.line)", at: read.location)
                } else if isOver {
                    guard reported.insert(read.what + write.what).inserted else { continue }
                    let over =
                        read.place == write.place
                        ? "is" : write.place.holds(read.place) ? "holds" : "is one of the files of"
                    problems.report(
                        "\(write.what) \(over) \(read.what), which '\(read.stage)' reads: '\(write.stage)' would write "
                            + "over it",
                        remedy: "write to another place; the other path is on line \(read.location.line)",
                        at: write.location)
                } else if added[read.stage]?.contains(write.stage) != true {
                    // The edge is needed even if other stages are in between: this stage reads what that one writes.
                    added[read.stage, default: []].insert(write.stage)
                    upstream.add(read.stage, waitsFor: write.stage)
                }
            }
        }
        return added
    }

    /// The files that stages read, without the datasets that stages write.
    private var reads: [Read] {
        pipeline.stages.flatMap { stage -> [Read] in
            var found: [Read] = []
            for input in stage.reads where pipeline.producer(of: input.value) == nil {
                guard let dataset = pipeline.dataset(input.value), let path = dataset.path else { continue }
                let text = filled(path)
                found.append(
                    Read(
                        stage: stage.id, dataset: dataset.name, what: "'\(dataset.name)'", place: place(text),
                        isPattern: Self.isPattern(text), location: dataset.placeLocation))
            }
            for (name, source) in stage.fanOut?.variables ?? [] {
                guard case .files(let pattern) = source else { continue }
                found.append(
                    Read(
                        stage: stage.id, dataset: nil, what: "the files of '\(name)'", place: place(filled(pattern)),
                        isPattern: true, location: stage.fanOut?.location ?? stage.location))
            }
            return found
        }
    }

    /// Reports notifications that would be written into data, or into what the project is made of.
    ///
    /// Each one puts a line at the end of its file, at any time: whatever else lies there is no longer what it was.
    private func checkNotifications() {
        let files = pipeline.notifications.compactMap(\.file)
        let reads = files.isEmpty ? [] : reads
        for file in files {
            let place = place(filled(file.value))
            func isIn(_ other: FileIdentity) -> Bool { other == place || other.holds(place) }
            let harmed: String? =
                if let kept = kept.first(where: { $0.place == place || place.holds($0.place) }) {
                    kept.what
                } else if stateFolder.holds(place) {
                    "in the folder of runs"
                } else if let write = writes.first(where: { isIn($0.place) || place.holds($0.place) }) {
                    "\(write.what), which '\(write.stage)' writes"
                } else if let read = reads.first(where: { $0.isPattern ? covers($0.place, place) : isIn($0.place) }) {
                    "\(read.isPattern ? "one of the files of " : "")\(read.what), which '\(read.stage)' reads"
                } else {
                    nil
                }
            guard let harmed else { continue }
            problems.report(
                "notifications would be written to \(shown(place)), which is \(harmed)",
                remedy: "write them to a file of their own", at: file.location)
        }
    }

    static func isPattern(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }

    /// Whether the file that is read may be the one that is written: an unknown part may have any value.
    private func mayBe(_ read: FileIdentity, _ written: FileIdentity) -> Bool {
        Self.mayMeet(read.path, written.path)
    }

    /// Whether two paths may be the same file; both may be patterns, with references as ``opened(_:)`` writes them.
    static func mayMeet(_ one: String, _ other: String) -> Bool {
        func open(_ path: String) -> String {
            path.replacing(#/\x{2}[^\x{2}]*\x{2}|\[[^\]\/]*\]|\?/#, with: "*")
        }
        let (left, right) = (open(one), open(other))
        return left.split(separator: "/").count == right.split(separator: "/").count && ClaimedPath.meet(left, right)
    }

    /// A path in which each reference matches any text within the name of a folder or file.
    static func opened(_ path: Template) -> String { path.filled { "\u{2}\($0)\u{2}" } }

    private func covers(_ pattern: FileIdentity, _ place: FileIdentity) -> Bool {
        NamePattern.fits(place.path, pattern.path, FNM_PATHNAME)
    }

    // MARK: - Tables

    private func checkTables() {
        var written: [String: (name: DatasetName, stage: StageID)] = [:]
        for stage in pipeline.stages {
            for output in stage.definition.outputs {
                guard let dataset = pipeline.dataset(output), let table = identity(of: dataset) else { continue }
                if let other = written[table], other.name != output {
                    problems.report(
                        "the datasets '\(other.name)' and '\(output)' are the same table", at: dataset.placeLocation)
                }
                written[table] = (output, stage.id)
            }
        }
        var reported: Set<DatasetName> = []
        for stage in pipeline.stages {
            for read in stage.reads where pipeline.producer(of: read.value) == nil {
                guard let dataset = pipeline.dataset(read.value), let table = identity(of: dataset),
                    let writer = written[table], reported.insert(read.value).inserted
                else { continue }
                problems.report(
                    "'\(read.value)' is the table that '\(writer.stage)' loads as '\(writer.name)'",
                    remedy: "read '\(writer.name)'", at: dataset.placeLocation)
            }
        }
    }

    /// A table's identity, the same for every way to write its connection and name.
    private func identity(of dataset: Dataset) -> String? {
        guard let table = dataset.table, let connection = pipeline.connections[table.connection] else { return nil }
        let settings = connection.settings.mapValues(filled)
        guard let parts = table.parts(in: connection.kind) else { return nil }
        switch connection.kind {
        case .sqlite: return "\(place(settings["path"] ?? "").path)\n\(parts.name.lowercased())"
        case .s3: return ["endpoint", "bucket"].map { settings[$0] ?? "" }.joined(separator: "\n") + "\n\(parts.name)"
        // Nothing is loaded there.
        case .http, .duckdb, .delta, .iceberg: return nil
        case .mysql:
            let schema = parts.schema.isEmpty ? settings["database"] ?? "" : parts.schema
            return ["host", "port"].map { settings[$0] ?? "" }.joined(separator: "\n") + "\n\(schema).\(parts.name)"
        case .postgres:
            return ["host", "port", "database"].map { settings[$0] ?? "" }.joined(separator: "\n")
                + "\n\(parts.schema).\(parts.name)"
        }
    }

    // MARK: - URL schemes

    private func checkSchemes() {
        for (path, location) in pipeline.paths() {
            if let fault = Self.schemeFault(filled(path)) {
                problems.report(fault.message, remedy: fault.remedy, at: location)
            }
        }
    }

    /// The fault of a path that begins like a URL; nil for all others.
    static func schemeFault(_ path: String) -> (message: String, remedy: String)? {
        // A cheap test first, because the expression is compiled at each call.
        guard path.contains("://"),
            let scheme = path.wholeMatch(of: #/([A-Za-z][A-Za-z0-9+.\-]*):\/\/.*/#)?.output.1
        else { return nil }
        let remedy =
            switch scheme.lowercased() {
            case "file": "write the path alone"
            case "http", "https": "files there are only read, and the path itself begins with the scheme"
            case "s3", "s3a": "name the bucket in a connection of type s3, and the key as 'table'"
            default: "let a command stage fetch it, and read the file that it writes"
            }
        return ("caudal does not read or write '\(scheme)://'", remedy)
    }
}

/// The direct and indirect upstream stages of each stage.
private struct Closure {
    private var upstream: [StageID: Set<StageID>]
    private var known: [StageID: Set<StageID>] = [:]

    init(_ upstream: [StageID: Set<StageID>]) { self.upstream = upstream }

    mutating func of(_ stage: StageID) -> Set<StageID> {
        if let found = known[stage] { return found }
        var found: Set<StageID> = []
        var open = Array(upstream[stage] ?? [])
        while let next = open.popLast() {
            if found.insert(next).inserted { open += upstream[next] ?? [] }
        }
        known[stage] = found
        return found
    }

    mutating func add(_ stage: StageID, waitsFor other: StageID) {
        upstream[stage, default: []].insert(other)
        known = [:]
    }
}

extension Pipeline {
    /// Every path that the stages read or write, with its place in the file.
    ///
    /// - Parameter chosen: The stages to include; nil means all.
    func paths(of chosen: Set<StageID>? = nil) -> [(path: Template, location: SourceLocation)] {
        var found: [(Template, SourceLocation)] = []
        var seen: Set<DatasetName> = []
        for stage in stages where chosen?.contains(stage.id) ?? true {
            for name in stage.reads.map(\.value) + stage.definition.outputs where seen.insert(name).inserted {
                guard let dataset = dataset(name) else { continue }
                if let path = dataset.path { found.append((path, dataset.placeLocation)) }
                if let table = dataset.table, let connection = connections[table.connection],
                    let path = connection.settings["path"]
                {
                    found.append((path, connection.location))
                }
            }
            for (_, source) in stage.fanOut?.variables ?? [] {
                if case .files(let pattern) = source {
                    found.append((pattern, stage.fanOut?.location ?? stage.location))
                }
            }
            found += stage.definition.otherOutputs(of: name).map { ($0.path, $0.location) }
        }
        return found
    }
}

extension PlaceRules {
    /// Reports values that lead out of the folder that a path names: a component `..` that is not in the file.
    package func checkValues(of chosen: Set<StageID>) {
        for (path, location) in pipeline.paths(of: chosen) {
            var parts: [(text: String, references: [Template.Reference])] = [("", [])]
            for segment in path.segments {
                let (text, reference): (String, Template.Reference?) =
                    switch segment {
                    case .text(let text): (text, nil)
                    case .reference(let reference): (value(reference) ?? "", reference)
                    }
                for (index, piece) in text.split(separator: "/", omittingEmptySubsequences: false).enumerated() {
                    if index > 0 { parts.append(("", [])) }
                    parts[parts.count - 1].text += piece
                    if let reference, !piece.isEmpty { parts[parts.count - 1].references.append(reference) }
                }
            }
            if case .reference(let reference)? = path.segments.first, value(reference) == "", parts.count > 1 {
                problems.report(
                    "${\(reference)} is empty, and '\(path)' would begin at the root of the file system",
                    remedy: "give it a value", at: location)
            }
            for case .reference(let reference) in path.segments {
                guard let text = value(reference), let sign = text.first(where: { "*?[".contains($0) }) else {
                    continue
                }
                problems.report(
                    "${\(reference)} is '\(text)', and '\(sign)' is a wildcard in a path",
                    remedy: "give a value without '*', '?' and '['", at: location)
                break
            }
            for part in parts where part.text == ".." {
                guard let reference = part.references.first else { continue }
                problems.report(
                    "${\(reference)} is '\(value(reference) ?? "")', which leads out of the folder that '\(path)' names",
                    remedy: "give a value without '..'", at: location)
                break
            }
        }
    }
}
