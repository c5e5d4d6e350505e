package import CaudalModel

/// The versions of files from which each file of a run was made.
package struct RunLineage: Sendable {
    /// A version of a file, and what wrote it.
    package struct File: Sendable, Hashable {
        package var path: String
        package var sizeInBytes: Int64
        package var contentHash: String?
        /// The stage or item of this run that wrote it, such as `process[north]`; nil for a file from before the run.
        package var writer: String?
        /// The other run that wrote it, where that is known.
        package var madeBy: RunID?
    }

    /// A file that the run wrote, with its inputs.
    package struct Output: Sendable {
        package var file: File
        package var dataset: DatasetName?
        package var rowCount: Int64?
        /// The files that the writing attempt read.
        package var inputs: [File]
        /// The files from which it derives in the end: those from outside of the run, or made in it from no file.
        package var roots: [File]
    }

    package let outputs: [Output]

    /// The lineage of everything that a run has published so far.
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
            // With another content it is an older file at the same path, from before the run wrote its own.
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
