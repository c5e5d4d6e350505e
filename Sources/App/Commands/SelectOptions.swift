import CaudalModel
import ArgumentParser
import Engine

/// The options that choose stages of a pipeline.
struct SelectOptions: ParsableArguments {
    @Option(
        help: "Use only these stages: 'stage', '+stage', 'stage+', '2+stage', 'group:x'; ',' means and, ' ' means or.")
    var select: String?

    @Option(help: "Exclude these stages.")
    var exclude: String?

    /// The chosen stages; nil, which means all, if no option was given.
    ///
    /// - Throws: `ValidationError` when a selector is invalid, or selects by state.
    func stages(of pipeline: Pipeline) throws -> Set<StageID>? {
        guard select != nil || exclude != nil else { return nil }
        do throws(Selector.Fault) {
            let wanted = try Selector(select ?? "*")
            let unwanted: Selector? = if let exclude { try Selector(exclude) } else { nil }
            if wanted.needsRun || unwanted?.needsRun == true {
                throw Selector.Fault(
                    "a pipeline has no states to select by before it runs; "
                        + "'caudal retry RUN --select' selects stages of a run by state")
            }
            let chosen = try wanted.stages(among: pipeline.candidates)
            guard let unwanted else { return chosen }
            return chosen.subtracting(try unwanted.stages(among: pipeline.candidates))
        } catch {
            throw ValidationError(error.message)
        }
    }
}
