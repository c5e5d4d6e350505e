import Foundation

/// What cannot work because of what is, or is not, on this machine: told before anything runs.
extension PipelineExamination {
    /// The sources that nobody writes and that are not there, the extensions that are missing, and the folders that
    /// cannot be written to.
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
            // A stage may be skipped, and a command before it may fetch what it reads.
            guard stage.condition == nil, stage.when == .allSucceeded, !followsCommand(stage.id, upstream) else {
                continue
            }
            for read in stage.reads {
                guard pipeline.producer(of: read.value) == nil, let dataset = pipeline.dataset(read.value),
                    dataset.path?.itemVariables.isEmpty != false, let failure = failures[read.value],
                    pipeline.fileEdges[stage.id] == nil, failure.isOfMissingSource
                else { continue }
                faults.append(
                    ConfigError(
                        "\(failure.message), and stage '\(stage.id)' reads it", remedy: failure.remedy,
                        at: dataset.placeLocation))
            }
        }
        var seen: Set<SourceLocation> = []
        return faults.filter { seen.insert($0.location).inserted }
    }

    /// The folders that a stage would read as if they were files: they are there, or their path says so.
    private func faultsOfFolders(readBy stage: Stage) -> [ConfigError] {
        if stage.definition is CommandStage { return [] }
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
        var open = [stage]
        while let next = open.popLast() {
            guard seen.insert(next).inserted else { continue }
            if pipeline.stage(next)?.definition is CommandStage { return true }
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
            _ = try await tools.extensionFile(connection.kind)
            return nil
        } catch {
            return ConfigError(error.message, remedy: error.remedy, at: connection.location)
        }
    }

    /// The files that a stage cannot write where it is to write them.
    private func faultsOfOutputs(of stage: Stage) -> [ConfigError] {
        let data = stage.definition.outputs.compactMap { output -> OtherOutput? in
            guard let dataset = pipeline.dataset(output), let path = dataset.path else { return nil }
            return OtherOutput("'\(output)'", path: path, at: dataset.placeLocation)
        }
        return (data + stage.definition.otherOutputs(of: pipeline.name)).compactMap { output in
            let path = PathText.absolute(fill(output.path), in: pipeline.root)
            // What a command writes may be a folder, which takes the place of one.
            return fault(writing: path, isFile: !(stage.definition is CommandStage)).map { what, remedy in
                ConfigError(
                    "stage '\(stage.id)' cannot write \(output.what): \(what)", remedy: remedy, at: output.location)
            }
        }
    }

    /// What keeps a file from being written: the folder, or what stands in its place.
    private func fault(writing path: String, isFile: Bool) -> (what: String, remedy: String)? {
        var folder = PathText.folder(of: path)
        var status = stat()
        if isFile, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            return ("\(PathText.relative(path, to: pipeline.root)) is a folder", "move it away, or change the path")
        }
        while folder.count > 1, stat(folder, &status) != 0 {
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder) {
                let shown = PathText.relative(folder, to: pipeline.root)
                return ("\(shown) is a link to \(target), which is not there", "make that folder, or mend the link")
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
        return nil
    }
}

extension Failure {
    /// Whether it says that a file, a database or a table is not there.
    fileprivate var isOfMissingSource: Bool {
        message.hasPrefix("no file matches ") || message.hasSuffix(" is not there")
            || message.hasPrefix("there is no table ")
    }
}
