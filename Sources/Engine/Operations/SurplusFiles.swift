import CaudalModel

/// The files that lie among those of a run's fan-outs and are of other runs, of items that the run did not have.
///
/// With the run's own versions beside them, whoever reads the pattern of the dataset would read the rows of two runs.
struct SurplusFiles {
    /// Where they are, absolute, in order.
    private(set) var paths: [String] = []
    /// The datasets of which it cannot be told which files are theirs.
    private(set) var unclear: [DatasetName] = []

    /// - Parameter dataset: The only dataset to look at; nil means all.
    /// - Throws: ``Failure`` when a folder cannot be looked into, ``StoreError`` when the store cannot be read.
    init(of run: RunState, dataset: DatasetName?, in store: RunStore) throws {
        for (stage, planned) in zip(run.stages, run.plan.stages) {
            // Where a stage adds to its output, the rows of items stay that it has no longer.
            guard stage.unit.status.outcome?.isSuccess == true, stage.hasItems, !planned.addsToOutput else { continue }
            for (name, path) in zip(planned.outputs, planned.outputPaths)
            where dataset.map({ $0.rawValue == name }) ?? true {
                // A table's name is no template.
                guard let path = try? Template(parsing: path), !path.itemVariables.isEmpty else { continue }
                try look(at: path, of: DatasetName(name), stage, run, store)
            }
        }
    }

    private mutating func look(
        at path: Template, of dataset: DatasetName, _ stage: StageState, _ run: RunState, _ store: RunStore
    ) throws {
        let root = run.plan.root
        let path = path.partlyFilled { run.value(of: $0) }
        let pattern = path.segments.map { segment in
            switch segment {
            case .text(let text): Glob.literal(text)
            case .reference: "*"
            }
        }.joined()
        let place = PathText.absolute(pattern, in: Glob.literal(root))
        let published = stage.artifacts.filter { $0.dataset == dataset }.map { PathText.absolute($0.path, in: root) }
        guard path.references.count == path.itemVariables.count,
            published.allSatisfy({ Glob.matches($0, place) })
        else { return unclear.append(dataset) }
        // An item that an operator marked as done has no record of its file, which stands for it all the same.
        let items = stage.items.filter { $0.unit.status.outcome?.isSuccess == true }.map { item in
            PathText.absolute(path.filled(with: item.item).filled { _ in "" }, in: root)
        }
        let own = Set((items + published).map(ExactText.init))
        for file in try Glob.files(matching: place) where !own.contains(ExactText(file)) {
            let last = try store.allPublications(at: PathText.relative(file, to: root), limit: 1).first
            // What no run published is not Caudal's, and what another stage published is of another dataset.
            if last?.artifact.dataset == dataset { paths.append(file) }
        }
    }
}

extension PlannedStage {
    /// Whether its output keeps the rows that it had.
    fileprivate var addsToOutput: Bool {
        definitionText.split(separator: "\n").contains { line in
            DefinitionLine.key(of: String(line)) == "mode" && !line.hasSuffix(": replace")
        }
    }
}
