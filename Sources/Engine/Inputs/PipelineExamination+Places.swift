import CaudalModel
import CSystem
import Foundation

/// Finds what cannot work because of the files and programs on this machine, before anything runs.
extension PipelineExamination {
    /// The missing sources, the missing extensions, and the folders that cannot be written to.
    func faultsOfPlaces(_ chosen: Set<StageID>?, _ failures: [DatasetName: Failure]) async -> [ConfigError] {
        var faults: [ConfigError] = []
        var connections: Set<String> = []
        let upstream = pipeline.upstream
        for stage in pipeline.stages where chosen?.contains(stage.id) ?? true {
            for name in stage.reads.map(\.value) + stage.definition.outputs {
                guard let table = pipeline.dataset(name)?.table, connections.insert(table.connection).inserted,
                    let fault = await faultOfExtension(table)
                else { continue }
                faults.append(fault)
            }
            faults += faultsOfOutputs(of: stage) + faultsOfFolders(readBy: stage)
            guard isSureToRun(stage) else { continue }
            faults += faultsOfFoldersOfOthers(writtenBy: stage)
            // An upstream command may provide the input.
            if followsCommand(stage.id, upstream) { continue }
            for read in stage.reads {
                guard pipeline.producer(of: read.value) == nil, let dataset = pipeline.dataset(read.value),
                    dataset.path?.itemVariables.isEmpty != false, pipeline.fileEdges[stage.id] == nil,
                    let failure = faultOfSource(dataset, failures[read.value])
                else { continue }
                if failure.kind == .missingSheet {
                    let place = failure.location ?? dataset.placeLocation
                    faults.append(ConfigError(failure.message, remedy: failure.remedy, at: place))
                    continue
                }
                faults.append(
                    ConfigError(
                        "\(failure.message), and stage '\(stage.id)' reads it", remedy: failure.remedy,
                        at: dataset.placeLocation))
            }
        }
        var seen: Set<SourceLocation> = []
        return faults.filter { seen.insert($0.location).inserted }
    }

    /// Whether a stage runs unless an upstream stage fails: it has no condition and does not run only after failures.
    private func isSureToRun(_ stage: Stage) -> Bool { stage.condition == nil && stage.when == .allSucceeded }

    /// Why a source cannot be read at all; `failure` is the error when it was inspected.
    private func faultOfSource(_ dataset: Dataset, _ failure: Failure?) -> Failure? {
        guard let path = dataset.path else { return failure?.kind == .missingTable ? failure : nil }
        do throws(Failure) {
            let place = PathText.absolute(fill(path), in: pipeline.root)
            _ = try SourceResolver.files(matching: place, of: dataset, root: pipeline.root)
            return failure?.kind == .missingSheet ? failure : nil
        } catch { return error }
    }

    /// The database servers that do not answer, for the connections of the selected stages.
    ///
    /// It is only a warning if a command may start the server, or the stage retries.
    func faultsOfServers(_ chosen: Set<StageID>?, _ silent: [String: Failure]) -> [ConfigError] {
        if silent.isEmpty { return [] }
        let upstream = pipeline.upstream
        var faults: [String: ConfigError] = [:]
        for stage in pipeline.stages where chosen?.contains(stage.id) ?? true {
            let (reads, outputs) = (stage.reads.map(\.value), stage.definition.outputs)
            for name in reads + outputs {
                // A SQLite file may be locked for a while.
                guard let table = pipeline.dataset(name)?.table, let failure = silent[table.connection],
                    let connection = pipeline.connections[table.connection], connection.kind.isDatabaseServer
                else { continue }
                let mayWork =
                    !isSureToRun(stage) || stage.retry.limit > 0 || followsCommand(stage.id, upstream)
                let what = outputs.contains(name) ? "loads '\(name)' there" : "reads '\(name)' there"
                let fault = ConfigError(
                    "\(failure.message), and stage '\(stage.id)' \(what)", remedy: failure.remedy,
                    at: connection.location, severity: mayWork ? .warning : .error)
                if faults[table.connection]?.severity != .error, faults[table.connection] == nil || !mayWork {
                    faults[table.connection] = fault
                }
            }
        }
        return faults.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The folders that a stage would replace and that no run published.
    private func faultsOfFoldersOfOthers(writtenBy stage: Stage) -> [ConfigError] {
        guard let store else { return [] }
        return stage.definition.outputs.compactMap { output in
            guard let path = pipeline.dataset(output)?.path, path.itemVariables.isEmpty else { return nil }
            let place = PathText.absolute(fill(path), in: pipeline.root)
            do throws(Failure) {
                try OutputFolder.refuseOfOthers(
                    at: place, shown: PathText.relative(place, to: pipeline.root), stage, store)
                return nil
            } catch {
                return ConfigError(error.message, remedy: error.remedy, at: error.location ?? stage.location)
            }
        }
    }

    /// The folders that a stage would read as files: they exist as folders, or their paths end in a slash.
    private func faultsOfFolders(readBy stage: Stage) -> [ConfigError] {
        if stage.definition.runsProgram { return [] }
        return stage.reads.compactMap { read in
            guard let dataset = pipeline.dataset(read.value), let path = dataset.path, path.itemVariables.isEmpty else {
                return nil
            }
            let place = PathText.absolute(fill(path), in: pipeline.root)
            do throws(Failure) {
                try SourceResolver.refuseFolder(place, of: dataset, root: pipeline.root)
                if path.description.hasSuffix("/") {
                    throw SourceResolver.folder(place, of: dataset, root: pipeline.root)
                }
                return nil
            } catch {
                return ConfigError(
                    "\(error.message), and stage '\(stage.id)' reads it", remedy: error.remedy,
                    at: dataset.placeLocation)
            }
        }
    }

    private func followsCommand(_ stage: StageID, _ upstream: [StageID: Set<StageID>]) -> Bool {
        var seen: Set<StageID> = []
        var open = Array(upstream[stage] ?? [])
        while let next = open.popLast() {
            guard seen.insert(next).inserted else { continue }
            if pipeline.stage(next)?.definition.runsProgram == true { return true }
            open += upstream[next] ?? []
        }
        return false
    }

    private func faultOfExtension(_ table: ConnectionTable) async -> ConfigError? {
        guard let connection = pipeline.connections[table.connection] else { return nil }
        do throws(Failure) {
            _ = try await tools.program()
        } catch { return nil }
        do throws(Failure) {
            _ = try await tools.engine.driver(for: connection.kind)
            return nil
        } catch {
            return ConfigError(error.message, remedy: error.remedy, at: connection.location)
        }
    }

    /// The files that a stage cannot write at their paths.
    private func faultsOfOutputs(of stage: Stage) -> [ConfigError] {
        let data = stage.definition.outputs.compactMap { output -> OtherOutput? in
            guard let dataset = pipeline.dataset(output), let path = dataset.path else { return nil }
            return OtherOutput("'\(output)'", path: path, at: dataset.placeLocation)
        }
        // SQLite also writes in the folder of a database.
        let databases = [stage.loadOutput].compactMap { $0 }.compactMap { output -> OtherOutput? in
            guard let table = pipeline.dataset(output)?.table,
                let connection = pipeline.connections[table.connection], let path = connection.settings["path"]
            else { return nil }
            return OtherOutput("the database of '\(connection.name)'", path: path, at: connection.location)
        }
        let locked = databases.compactMap { output -> ConfigError? in
            let path = PathText.absolute(fill(output.path), in: pipeline.root)
            guard FileText.exists(path), access(path, W_OK) != 0 else { return nil }
            return ConfigError(
                "stage '\(stage.id)' cannot write \(output.what): the file may not be written to",
                remedy: "give this user the right to write it, or change the path", at: output.location)
        }
        return locked
            + (data + databases + stage.definition.otherOutputs(of: pipeline.name)).compactMap { output in
                let path = PathText.absolute(fill(output.path), in: pipeline.root)
                // A command's output may be a folder, which replaces an existing one.
                return fault(writing: path, isFile: !stage.definition.runsProgram).map { what, remedy in
                    ConfigError(
                        "stage '\(stage.id)' cannot write \(output.what): \(what)", remedy: remedy, at: output.location)
                }
            }
    }

    /// Why a file cannot be written: because of its folder, or of what is at its path.
    private func fault(writing path: String, isFile: Bool) -> (what: String, remedy: String)? {
        var folder = PathText.folder(of: path)
        var status = stat()
        if isFile, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            return ("\(PathText.relative(path, to: pipeline.root)) is a folder", "move it away, or change the path")
        }
        if let kind = FileKind(path), !kind.isData {
            let shown = PathText.relative(path, to: pipeline.root)
            return ("\(shown) is \(kind.words), and would be replaced by a file", "change the path")
        }
        while folder.count > 1, stat(folder, &status) != 0 {
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder) {
                let shown = PathText.relative(folder, to: pipeline.root)
                return ("\(shown) is a link to \(target), which is not there", "make that folder, or correct the link")
            }
            folder = PathText.folder(of: folder)
        }
        let shown = PathText.relative(folder, to: pipeline.root)
        guard stat(folder, &status) == 0 else { return nil }
        if status.st_mode & S_IFMT != S_IFDIR {
            return ("\(shown) is a file and no folder", "move it away, or change the path")
        }
        if access(folder, W_OK | X_OK) != 0 {
            return (
                "the folder \(shown) may not be written to",
                "give this user the right to write there, or change the path"
            )
        }
        if cs_is_kernels_own(folder) == 1 {
            return ("\(shown) is the kernel's own, and takes no files", "change the path")
        }
        return nil
    }
}
