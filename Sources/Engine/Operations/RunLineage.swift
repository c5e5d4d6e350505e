/// Which versions of files each file of a run was made from.
package struct RunLineage: Sendable {
    /// A file with its version, and what wrote it.
    package struct File: Sendable, Hashable {
        package var path: String
        package var sizeInBytes: Int64
        package var contentHash: String?
        /// The stage or item of this run that wrote it, such as `process[north]`; nil for what was there before.
        package var writer: String?
        /// The other run that wrote it, where that is known.
        package var madeBy: RunID?
    }

    /// A file that the run wrote, and what it was made from.
    package struct Output: Sendable {
        package var file: File
        package var dataset: DatasetName?
        package var rowCount: Int64?
        /// What the attempt that wrote it read.
        package var inputs: [File]
        /// The files it goes back to: those from outside of the run, or made in it out of no file.
        package var roots: [File]
    }

    package let outputs: [Output]

    /// The lineage of what a run has published so far.
    package init(_ state: RunState) {
        var written: [(artifact: Artifact, writer: String, reads: [InputVersion])] = []
        for stage in state.stages {
            let units =
                stage.hasItems
                ? stage.items.map { ("\(stage.id)[\($0.item.key)]", $0.unit) } : [(stage.id.rawValue, stage.unit)]
            for (name, unit) in units {
                guard let result = unit.lastResult else { continue }
                written += result.artifacts.map { ($0, name, result.reads) }
            }
        }
        var writers: [String: Int] = [:]
        for (index, output) in written.enumerated() { writers[output.artifact.path] = index }
        func file(_ input: InputVersion) -> File {
            // A file of the same place with another content was there before the run wrote its own.
            let index = writers[input.path]
            let isOwn = index.map { written[$0].artifact.contentHash == input.contentHash } ?? false
            return File(
                path: input.path, sizeInBytes: input.sizeInBytes, contentHash: input.contentHash,
                writer: isOwn ? index.map { written[$0].writer } : nil, madeBy: input.madeBy)
        }
        outputs = written.map { output in
            let inputs = output.reads.map(file)
            var roots: [File] = []
            var open = inputs
            var seen: Set<File> = []
            while let next = open.popLast() {
                guard seen.insert(next).inserted else { continue }
                if next.writer != nil, let index = writers[next.path], !written[index].reads.isEmpty {
                    open += written[index].reads.map(file)
                } else {
                    roots.append(next)
                }
            }
            let artifact = output.artifact
            return Output(
                file: File(
                    path: artifact.path, sizeInBytes: artifact.sizeInBytes, contentHash: artifact.contentHash,
                    writer: output.writer),
                dataset: artifact.dataset, rowCount: artifact.rowCount, inputs: inputs,
                roots: roots.sorted { $0.path < $1.path })
        }
    }
}
