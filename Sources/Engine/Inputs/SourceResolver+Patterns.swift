import CaudalModel
import Synchronization

/// Finds the files of a path in the pipeline file when stages of the pipeline may write some of them.
///
/// For stages that ran in this run, exactly their outputs are read, in this run's versions, wherever these are; outputs
/// that a stage would write and has not written are not read. All other files come from outside and are read as they
/// are.
extension SourceResolver {
    /// Files, each with the path in the pipeline file that refers to it.
    struct FoundFiles {
        struct File {
            /// The absolute path that refers to it.
            var path: String
            /// The path at which it is read.
            var place: String
            /// Whether this run made it.
            var isOwn: Bool
        }

        /// The files, sorted by path.
        var files: [File]
        /// Why existing files are not read, a sentence for each.
        var passedOver: [String] = []

        /// Notes for the user, in few lines.
        var notes: [String] {
            let rest = passedOver.count - 3
            return passedOver.prefix(3) + (rest > 0 ? ["\(rest.counted("more file")) like that"] : [])
        }
    }

    /// A dataset that a stage writes, with its path open where items have values.
    struct ProducedDataset {
        var writer: StageID
        var name: DatasetName
        var path: String
        var start: PathStart
        var isOfItems: Bool

        func holds(_ file: String) -> Bool {
            file == path || Glob.matches(file, path) || target(of: file) != file
        }

        /// The file, or the folder that contains the file, that the stage would publish.
        func target(of file: String) -> String {
            let parts = file.split(separator: "/")
            let depth = path.split(separator: "/").count
            guard parts.count > depth else { return file }
            let folder = "/" + parts.prefix(depth).joined(separator: "/")
            return folder == path || Glob.matches(folder, path) ? folder : file
        }
    }

    /// How a path or a pattern begins, up to its first special character: tells quickly of most paths that they have nothing in common.
    struct PathStart {
        /// Nil where other bytes may be the same name.
        private let bytes: [UInt8]?

        init(_ path: String) {
            let isPlain = path.utf8.allSatisfy { $0 < 0x80 }
            bytes = isPlain ? Array(path.utf8.prefix { !"*?[\\".utf8.contains($0) }) : nil
        }

        /// Whether both may stand for the same file, or one for a folder around the other.
        func mayMeet(_ other: PathStart) -> Bool {
            guard let bytes, let others = other.bytes else { return true }
            let count = min(bytes.count, others.count)
            return bytes.prefix(count).elementsEqual(others.prefix(count))
        }
    }

    /// The files of a path, which may be a pattern.
    ///
    /// - Parameter location: Where the path is written.
    /// - Throws: ``Failure`` for a file that a stage writes and that this run did not make.
    func foundFiles(
        matching pattern: String, at location: SourceLocation?, _ origins: DataOrigins, _ fill: (Template) -> String
    ) throws -> FoundFiles {
        let isPattern = PlaceRules.isPattern(pattern)
        let there: [String]
        do throws(Failure) {
            there = isPattern ? try Glob.files(matching: pattern) : [pattern].filter(FileText.exists)
        } catch {
            throw Failure(error.message, remedy: error.remedy, location: location)
        }
        guard let earlier = origins.earlier else {
            return FoundFiles(files: there.map { FoundFiles.File(path: $0, place: $0, isOwn: false) })
        }
        let start = PathStart(pattern)
        let written = written(fill).filter { $0.start.mayMeet(start) }
        var files = try own(matching: pattern, written, origins, fill)
        var passedOver: [String] = []
        for file in there where files[ExactText(file)] == nil {
            // Whether a stage may overwrite its own input is checked elsewhere.
            guard let output = written.first(where: { $0.holds(file) }), output.writer != origins.reader else {
                files[ExactText(file)] = FoundFiles.File(path: file, place: file, isOwn: false)
                continue
            }
            let shown = PathText.relative(file, to: pipeline.root)
            let isPublished = try earlier.isPublished(
                PathText.relative(output.target(of: file), to: pipeline.root))
            // A named file is intended, and so is any file whose items are unknown, unless a run made it.
            if output.isOfItems, !isPublished, !isPattern || origins.made[output.name] == nil {
                files[ExactText(file)] = FoundFiles.File(path: file, place: file, isOwn: false)
                continue
            }
            guard isPattern, origins.made[output.name] != nil else {
                throw Failure(
                    "\(shown) is a file of '\(output.name)', which '\(output.writer)' did not write in this run",
                    remedy: origins.made[output.name] == nil
                        ? "read '\(output.name)' by its name, or run '\(output.writer)' too"
                        : "read '\(output.name)' by its name, or remove the file", location: location)
            }
            // Files of earlier runs are expected there.
            if isPublished || origins.made[output.name]?.isWithoutItems == true { continue }
            passedOver.append(
                "\(shown) is not read: it is called as the files of '\(output.name)' are, and '\(output.writer)' did not "
                    + "write it in this run")
        }
        return FoundFiles(files: files.values.sorted { $0.path < $1.path }, passedOver: passedOver)
    }

    /// The datasets that stages of the pipeline write.
    ///
    /// They are found once: what differs between attempts is open, and all else is of the run.
    private func written(_ fill: (Template) -> String) -> [ProducedDataset] {
        produced.withLock { known in
            if let known { return known }
            let found = pipeline.stages.flatMap { stage in
                stage.definition.outputs.compactMap { name -> ProducedDataset? in
                    guard let path = pipeline.dataset(name)?.path else { return nil }
                    let open = path.partlyFilled { if case .item = $0 { "*" } else { nil } }
                    let place = PathText.absolute(fill(open), in: pipeline.root)
                    return ProducedDataset(
                        writer: stage.id, name: name, path: place, start: PathStart(place),
                        isOfItems: !path.itemVariables.isEmpty)
                }
            }
            known = found
            return found
        }
    }

    /// The files of a pattern that this run made, by the paths that refer to them.
    private func own(
        matching pattern: String, _ written: [ProducedDataset], _ origins: DataOrigins, _ fill: (Template) -> String
    ) throws -> [ExactText: FoundFiles.File] {
        var files: [ExactText: FoundFiles.File] = [:]
        let parts = pattern.split(separator: "/")
        for output in written where output.writer != origins.reader {
            guard let made = origins.made[output.name] else { continue }
            for artifact in made.artifacts {
                let target = PathText.absolute(artifact.path, in: pipeline.root)
                if target == pattern || Glob.matches(target, pattern) {
                    files[ExactText(target)] = FoundFiles.File(
                        path: target, place: try origins.place(artifact, made.writer), isOwn: true)
                    continue
                }
                // A folder with matching files in it.
                let depth = target.split(separator: "/").count
                let folder = "/" + parts.prefix(depth).joined(separator: "/")
                guard parts.count > depth, target == folder || Glob.matches(target, folder) else { continue }
                let place = try origins.place(artifact, made.writer)
                let rest = "/" + parts.dropFirst(depth).joined(separator: "/")
                for file in try Glob.files(matching: Glob.literal(place) + rest) {
                    let path = target + file.dropFirst(place.count)
                    files[ExactText(path)] = FoundFiles.File(path: path, place: file, isOwn: true)
                }
            }
            // Items that an operator marked as succeeded: their data is at their paths.
            for item in made.markedItems {
                guard let path = pipeline.dataset(output.name)?.path else { continue }
                let place = PathText.absolute(fill(path.filled(with: item)), in: pipeline.root)
                guard place == pattern || Glob.matches(place, pattern), FileText.exists(place) else { continue }
                files[ExactText(place)] = FoundFiles.File(path: place, place: place, isOwn: false)
            }
        }
        return files
    }

    /// The datasets that a pattern may match and whose stages had no items in this run.
    func fannedWithoutItems(
        _ pattern: String, _ origins: DataOrigins, _ fill: (Template) -> String
    ) -> [DatasetName] {
        guard PlaceRules.isPattern(pattern) else { return [] }
        return origins.made.filter { name, made in
            guard made.isWithoutItems, made.writer != origins.reader, let path = pipeline.dataset(name)?.path else {
                return false
            }
            let open = path.partlyFilled { if case .item = $0 { "*" } else { nil } }
            return PlaceRules.mayMeet(pattern, PathText.absolute(fill(open), in: pipeline.root))
        }.keys.sorted()
    }

    /// The source for a pattern that matches only outputs of a fan-out without items: no rows, with the columns of
    /// these outputs.
    func withoutRows(
        _ dataset: Dataset, _ fanned: [DatasetName], _ origins: DataOrigins
    ) async throws -> DataSource {
        for name in fanned {
            var columns = await origins.announce(name)
            // A CSV file that is read by a pattern has only text columns.
            if dataset.format == .csv { columns = columns.map { Column($0.name, .text) } }
            if !columns.isEmpty { return try own(dataset, [], columns) }
        }
        let writers = fanned.compactMap { origins.made[$0]?.writer.rawValue }.map { "'\($0)'" }.joined(separator: ", ")
        throw NothingToRead(
            reason: "\(writers) had no items, and the columns of '\(dataset.name)' cannot be known without one")
    }
}
