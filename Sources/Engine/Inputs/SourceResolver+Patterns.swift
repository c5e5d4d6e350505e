/// The files that a path of the pipeline file means, where stages of the pipeline may write some of them.
///
/// Of what stages of this run have made, exactly that is read, in this run's version, wherever it lies; of what they would
/// write and have not written, nothing. Everything else is from outside, and read as it lies there.
extension SourceResolver {
    /// Files, each by the path that it is meant by.
    struct FoundFiles {
        struct File {
            /// The path that it is meant by, absolute.
            var path: String
            /// Where it is read.
            var place: String
            /// Whether this run made it.
            var isOwn: Bool
        }

        /// In the order of their paths.
        var files: [File]
        /// Why files that lie there are not read, a sentence for each.
        var passedOver: [String] = []

        /// What is worth telling of it, in few lines.
        var notes: [String] {
            let rest = passedOver.count - 3
            return passedOver.prefix(3) + (rest > 0 ? ["\(rest.counted("more file")) like that"] : [])
        }
    }

    /// A dataset that a stage writes, with its path open where items have values.
    private struct ProducedDataset {
        var writer: StageID
        var name: DatasetName
        var path: String
        var isOfItems: Bool

        func holds(_ file: String) -> Bool {
            file == path || Glob.matches(file, path) || target(of: file) != file
        }

        /// The file, or the folder with the file in it, that the stage would publish.
        func target(of file: String) -> String {
            let parts = file.split(separator: "/")
            let depth = path.split(separator: "/").count
            guard parts.count > depth else { return file }
            let folder = "/" + parts.prefix(depth).joined(separator: "/")
            return folder == path || Glob.matches(folder, path) ? folder : file
        }
    }

    /// The files that a path means, which may be a pattern.
    ///
    /// `location`: where the path is written.
    /// - Throws: ``Failure`` for a file that a stage writes and that this run did not make.
    func foundFiles(
        matching pattern: String, at location: SourceLocation?, _ origins: DataOrigins, _ fill: (Template) -> String
    ) throws -> FoundFiles {
        let isPattern = PlaceRules.isPattern(pattern)
        let there = isPattern ? Glob.files(matching: pattern) : [pattern].filter(FileText.exists)
        guard let earlier = origins.earlier else {
            return FoundFiles(files: there.map { FoundFiles.File(path: $0, place: $0, isOwn: false) })
        }
        let written = written(fill)
        var files = try own(matching: pattern, written, origins, fill)
        var passedOver: [String] = []
        for file in there where files[file] == nil {
            // Whether a stage may write over what it reads is another question.
            guard let output = written.first(where: { $0.holds(file) }), output.writer != origins.reader else {
                files[file] = FoundFiles.File(path: file, place: file, isOwn: false)
                continue
            }
            let shown = PathText.relative(file, to: pipeline.root)
            let isPublished = try earlier.isPublished(
                PathText.relative(output.target(of: file), to: pipeline.root))
            // A file that is named is meant, and so is any where the items are not known, unless a run made it.
            if output.isOfItems, !isPublished, !isPattern || origins.made[output.name] == nil {
                files[file] = FoundFiles.File(path: file, place: file, isOwn: false)
                continue
            }
            guard isPattern, origins.made[output.name] != nil else {
                throw Failure(
                    "\(shown) is a file of '\(output.name)', which '\(output.writer)' did not write in this run",
                    remedy: origins.made[output.name] == nil
                        ? "read '\(output.name)' by its name, or run '\(output.writer)' too"
                        : "read '\(output.name)' by its name, or remove the file", location: location)
            }
            // What runs left there before is no news.
            if isPublished || origins.made[output.name]?.isWithoutItems == true { continue }
            passedOver.append(
                "\(shown) is not read: it is called as the files of '\(output.name)' are, and '\(output.writer)' did not "
                    + "write it in this run")
        }
        return FoundFiles(files: files.values.sorted { $0.path < $1.path }, passedOver: passedOver)
    }

    /// What stages of the pipeline write.
    private func written(_ fill: (Template) -> String) -> [ProducedDataset] {
        pipeline.stages.flatMap { stage in
            stage.definition.outputs.compactMap { name in
                guard let path = pipeline.dataset(name)?.path else { return nil }
                let open = path.partlyFilled { if case .item = $0 { "*" } else { nil } }
                return ProducedDataset(
                    writer: stage.id, name: name, path: PathText.absolute(fill(open), in: pipeline.root),
                    isOfItems: !path.itemVariables.isEmpty)
            }
        }
    }

    /// The files of a pattern that this run made, by the paths that they are meant by.
    private func own(
        matching pattern: String, _ written: [ProducedDataset], _ origins: DataOrigins, _ fill: (Template) -> String
    ) throws -> [String: FoundFiles.File] {
        var files: [String: FoundFiles.File] = [:]
        let parts = pattern.split(separator: "/")
        for output in written where output.writer != origins.reader {
            guard let made = origins.made[output.name] else { continue }
            for artifact in made.artifacts {
                let target = PathText.absolute(artifact.path, in: pipeline.root)
                if target == pattern || Glob.matches(target, pattern) {
                    files[target] = FoundFiles.File(
                        path: target, place: try origins.place(artifact, made.writer), isOwn: true)
                    continue
                }
                // A folder, with files in it that are meant.
                let depth = target.split(separator: "/").count
                let folder = "/" + parts.prefix(depth).joined(separator: "/")
                guard parts.count > depth, target == folder || Glob.matches(target, folder) else { continue }
                let place = try origins.place(artifact, made.writer)
                let rest = "/" + parts.dropFirst(depth).joined(separator: "/")
                for file in Glob.files(matching: Glob.literal(place) + rest) {
                    let path = target + file.dropFirst(place.count)
                    files[path] = FoundFiles.File(path: path, place: file, isOwn: true)
                }
            }
            // Items that somebody marked as succeeded: what they stand for lies at their paths.
            for item in made.markedItems {
                guard let path = pipeline.dataset(output.name)?.path else { continue }
                let place = PathText.absolute(fill(path.filled(with: item)), in: pipeline.root)
                guard place == pattern || Glob.matches(place, pattern), FileText.exists(place) else { continue }
                files[place] = FoundFiles.File(path: place, place: place, isOwn: false)
            }
        }
        return files
    }

    /// The datasets that a pattern may name whose stage had no items in this run.
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

    /// What a pattern over files gives that no item has written: no rows, with the columns that there would have been.
    func withoutRows(
        _ dataset: Dataset, _ fanned: [DatasetName], _ origins: DataOrigins
    ) async throws -> DataSource {
        for name in fanned {
            var columns = await origins.announce(name)
            // A file of CSV that is read by a pattern has texts alone.
            if dataset.format == .csv { columns = columns.map { Column($0.name, .text) } }
            if !columns.isEmpty { return own(dataset, [], columns) }
        }
        let writers = fanned.compactMap { origins.made[$0]?.writer.rawValue }.map { "'\($0)'" }.joined(separator: ", ")
        throw NothingToRead(
            reason: "\(writers) had no items, and the columns of '\(dataset.name)' cannot be known without one")
    }
}

extension Glob {
    /// A pattern that matches one path alone, whatever signs are in it.
    static func literal(_ path: String) -> String {
        path.replacing(#/[*?\[\\]/#) { "\\" + $0.output }
    }
}
