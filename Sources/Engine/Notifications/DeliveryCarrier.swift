import CaudalModel
import Foundation

/// Makes one delivery: fills in the settings of its channel, and lets a program or a file take it.
struct DeliveryCarrier: Sendable {
    /// What came of a delivery.
    enum Outcome: Sendable, Hashable {
        case sent
        /// It may work later.
        case failed(String)
        /// It never will.
        case refused(String)
    }

    let store: RunStore
    let reactor: ProcessReactor
    /// The process's environment.
    let variables: [String: String]
    let host: String

    /// How long a command may take.
    private static let commandLimit = Duration.seconds(30)

    /// Makes a delivery.
    ///
    /// `isTakenOver`: whether a process that has died was sending it; what that left running is ended first.
    /// `parameters`: those of the run, where it has none of its own in the store.
    func carry(
        _ delivery: Delivery, isTakenOver: Bool, parameters: [String: String] = [:], at now: Int64
    ) async -> Outcome {
        if isTakenOver { Self.endLeftovers(of: delivery) }
        guard let kind = ChannelKinds.named(delivery.channel.kind) else {
            return .refused("this caudal knows no channel '\(delivery.channel.kind)'")
        }
        let values = ChannelValues(delivery, in: store, variables: variables, parameters: parameters)
        let outcome: Outcome
        do {
            let notice = try Self.notice(delivery)
            let settings = try values.filled(kind)
            let facts = DeliveryFacts(id: delivery.id, sentAt: now, root: delivery.root, host: host)
            outcome =
                switch try kind.dispatch(notice, facts, settings) {
                case .transfer(let transfer): try await carry(transfer, delivery)
                case .line(let text, let file): try append(text, to: file, delivery)
                case .command(let line, let text, let own):
                    try await run(line, text, own.merging(try values.variables(of: line)) { $1 }, delivery)
                case .nothing: .sent
                }
        } catch {
            outcome = .failed(error.description)
        }
        switch outcome {
        case .sent: return .sent
        case .failed(let reason): return .failed(values.masked(reason))
        case .refused(let reason): return .refused(values.masked(reason))
        }
    }

    private static func notice(_ delivery: Delivery) throws(Failure) -> Notice {
        guard let notice = try? JSONDecoder().decode(Notice.self, from: Data(delivery.notice.utf8)) else {
            throw Failure("what is to be told is damaged")
        }
        return notice
    }

    // MARK: - Transfers

    private func carry(_ transfer: CurlTransfer, _ delivery: Delivery) async throws(Failure) -> Outcome {
        let answer = try await CurlRun(folder: store.folder, reactor: reactor, variables: variables)
            .make([transfer], marker: Self.marker(of: delivery))
        switch answer {
        case .sent: return .sent
        case .failed(let reason): return .failed(reason)
        case .refused(let reason): return .refused(reason)
        }
    }

    private static func marker(of delivery: Delivery) -> String { "notify/\(delivery.id)" }

    /// Ends what a process that has died left sending a delivery, so that it is not sent twice at once.
    private static func endLeftovers(of delivery: Delivery) {
        for (pid, _) in ProcessTable.marked(ProcessLaunch.markerVariable, beginning: marker(of: delivery)) {
            kill(pid, SIGKILL)
        }
    }

    // MARK: - Commands and files

    private func run(
        _ line: Template, _ text: String, _ own: [String: String], _ delivery: Delivery
    ) async throws(Failure) -> Outcome {
        let file = try PrivateFile(text, named: delivery.id, in: store.folder)
        defer { file.remove() }
        var environment = variables.merging(own) { $1 }
        environment["CAUDAL_NOTICE_FILE"] = file.path
        let answer = try await ToolRun.output(
            of: "/bin/sh", ["-c", ShellLine(line).text], environment: environment, folder: delivery.root,
            marker: Self.marker(of: delivery), limit: Self.commandLimit, reactor: reactor)
        if answer.exit == .exited(0) { return .sent }
        let said = answer.errors.trimmed.withoutControls.shortened(to: 200)
        return .failed("the command failed: \(answer.exit.description)" + (said.isEmpty ? "" : ": \(said)"))
    }

    private func append(_ line: String, to file: String, _ delivery: Delivery) throws(Failure) -> Outcome {
        if let harmed = try harmed(by: file, delivery) {
            return .refused("\(file) is \(harmed): give 'file' of the notification a path of its own")
        }
        try FileText.append(line: line, to: file, isPrivate: true)
        return .sent
    }

    /// What a line at the end of a file would harm; nil where it harms nothing.
    ///
    /// Paths without values of the run itself were refused with the pipeline file.
    private func harmed(by file: String, _ delivery: Delivery) throws(Failure) -> String? {
        let place = FileIdentity(file)
        if let own = delivery.pipelineFile, place == FileIdentity(own) { return "the pipeline file" }
        if FileIdentity(store.folder.path).isOrHolds(place) { return "in the folder of runs" }
        do throws(StoreError) {
            // A file of a published folder has no record of its own.
            let paths = ([place] + place.folders).map {
                PathText.relative($0.path, to: FileIdentity(delivery.root).path)
            }
            if try store.publishesAny(of: paths) { return "what a run has published" }
            if let run = delivery.run, try store.reads(run, anyOf: paths) { return "what the run has read" }
            return nil
        } catch {
            throw Failure("whether \(file) holds data cannot be found out: \(error.description)")
        }
    }
}

extension Delivery {
    /// Where the pipeline file is, absolute; nil where it is not found.
    fileprivate var pipelineFile: String? {
        let name = PathText.lastComponent(of: file)
        // The file is as the user named it, who may have been in another folder.
        let here = FileManager.default.currentDirectoryPath
        let places = [
            PathText.absolute(file, in: root), PathText.absolute(file, in: here), "\(root)/config/\(name)",
            "\(root)/\(name)",
        ]
        return places.first(where: FileText.exists)
    }
}

/// The values of a channel's settings for one delivery.
struct ChannelValues {
    private let delivery: Delivery
    private let store: RunStore
    /// The variables of the process and of `.env` beside the pipeline file.
    private let variables: [String: String]
    /// The parameters where there is no run.
    private let parameters: [String: String]

    init(_ delivery: Delivery, in store: RunStore, variables: [String: String], parameters: [String: String]) {
        self.delivery = delivery
        self.parameters = parameters
        self.store = store
        self.variables = Self.withFile(variables, beside: delivery)
    }

    private static func withFile(_ variables: [String: String], beside delivery: Delivery) -> [String: String] {
        guard let place = delivery.pipelineFile else { return variables }
        let file = PathText.folder(of: place) + "/.env"
        // What cannot be read sets nothing: a reference to it is reported then.
        guard let text = try? FileText.userText(file) else { return variables }
        return VariableFile.read(String(decoding: text, as: UTF8.self), file: file, ConfigProblems()).merging(variables)
        { $1 }
    }

    /// The settings with their references filled in.
    ///
    /// - Throws: ``Failure`` for a variable that is not set, or a run that is not known.
    func filled(_ kind: any ChannelKind.Type) throws(Failure) -> [String: String] {
        var settings: [String: String] = [:]
        for (key, text) in delivery.channel.settings {
            let template = try Self.template(text)
            if kind == FileChannel.self { try check(placeBy: template) }
            settings[key] = kind.keepsReferences.contains(key) ? text : try filled(template)
        }
        return settings
    }

    /// Refuses values of parameters that would choose another folder than the pipeline file does.
    private func check(placeBy template: Template) throws(Failure) {
        for case .param(let name) in template.references {
            let value = try value(of: .param(name))
            if value.contains("/") || value == ".." {
                throw Failure(
                    "the value '\(value)' of the parameter '\(name)' cannot be a part of the path of a file",
                    remedy: "use a value without '/'")
            }
        }
    }

    private static func template(_ text: String) throws(Failure) -> Template {
        do throws(Template.Fault) { return try Template(parsing: text) } catch { throw Failure(error.message) }
    }

    private func filled(_ template: Template) throws(Failure) -> String {
        do {
            return try template.filled { try value(of: $0) }
        } catch {
            throw Failure(describing: error)
        }
    }

    /// The variables by which a command line knows what it refers to.
    func variables(of line: Template) throws(Failure) -> [String: String] {
        var values: [String: String] = [:]
        for reference in line.references { values[reference.programVariable] = try value(of: reference) }
        for variable in ShellLine(line).variables {
            values[variable.name] = variable.value(try value(of: variable.reference))
        }
        // Those of `.env` are there too, as for the commands of stages.
        return variables.merging(values) { $1 }
    }

    private func value(of reference: Template.Reference) throws(Failure) -> String {
        switch reference {
        case .environment(let name):
            if let value = variables[name], !value.isEmpty { return value }
            throw Failure(
                "the environment variable '\(name)' is not set",
                remedy: "set it, or put it into .env beside the pipeline file")
        case .param(let name):
            guard let value = try runParameters()[name] else { throw Failure("the run has no parameter '\(name)'") }
            return value
        case .runID: return delivery.run?.rawValue ?? ""
        case .runStarted:
            guard let run = delivery.run, let found = try? store.observedRun(run) else { return "" }
            return UTC.iso(found.started)
        case .slotTime, .slotDate:
            guard let run = delivery.run, let found = try? store.observedRun(run) else { return "" }
            let plan = try? store.plan(of: run)
            let slot = plan?.slot
            if reference == .slotDate {
                // As for the run's stages.
                let zone = plan?.timeZone.flatMap { TimeZone(identifier: $0) } ?? .gmt
                return slot?.localDate ?? UTC.date(found.started, in: zone)
            }
            return UTC.isoSecond(slot?.planned ?? found.started)
        case .item, .input, .stageOutput: throw Failure("'${\(reference)}' is only known within a stage")
        }
    }

    private func runParameters() throws(Failure) -> [String: String] {
        guard let run = delivery.run, let plan = try? store.plan(of: run) else { return parameters }
        return try store.folder.run(run).filled(plan.parameters)
    }

    /// A text without the values that the channel's settings have from variables.
    func masked(_ text: String) -> String {
        let references = delivery.channel.settings.values.flatMap { (try? Template(parsing: $0))?.references ?? [] }
        // What a message may well tell is left in it.
        let secret = references.filter { ![.runID, .runStarted, .slotTime, .slotDate].contains($0) }
        let values = secret.compactMap { try? value(of: $0) }
        let secrets = values + values.flatMap(Self.partsOfAddress)
        return SecretMasker(secrets: secrets + SecretNames().secrets(in: variables)).masked(text)
    }

    /// What is behind the host of an address: servers quote it in their answers.
    private static func partsOfAddress(_ value: String) -> [String] {
        guard let scheme = value.range(of: "://") else { return [] }
        let rest = value[scheme.upperBound...]
        guard let slash = rest.firstIndex(of: "/") else { return [] }
        let path = rest[slash...]
        // A short path, such as `/hook`, is an ordinary word.
        return path.count > 8 ? [String(path)] : []
    }
}
