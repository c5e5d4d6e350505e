import ArgumentParser
import Engine

/// Which stages of a pipeline are meant.
struct SelectOptions: ParsableArguments {
    @Option(help: "Only these stages: 'stage', '+stage', 'stage+', '2+stage', 'group:x'; ',' means and, ' ' means or.")
    var select: String?

    @Option(help: "Leave these stages out.")
    var exclude: String?

    /// The chosen stages; nil when nothing was chosen, which means all.
    ///
    /// - Throws: `ValidationError` when a selector is wrong, or asks how stages stand.
    func stages(of pipeline: Pipeline) throws -> Set<StageID>? {
        guard select != nil || exclude != nil else { return nil }
        do throws(Selector.Fault) {
            let wanted = try Selector(select ?? "*")
            let unwanted: Selector? = if let exclude { try Selector(exclude) } else { nil }
            if wanted.needsRun || unwanted?.needsRun == true {
                throw Selector.Fault(
                    "a pipeline has no states to select by before it runs; "
                        + "'caudal retry RUN --select' takes stages of a run by how they stand")
            }
            let chosen = try wanted.stages(among: pipeline.candidates)
            guard let unwanted else { return chosen }
            return chosen.subtracting(try unwanted.stages(among: pipeline.candidates))
        } catch {
            throw ValidationError(error.message)
        }
    }
}
