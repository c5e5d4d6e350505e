package import CaudalModel

/// Which stages a run would reuse, as far as that is known before the run.
package struct ReuseOutlook: Sendable {
    /// What is known about a stage.
    package enum Decision: Sendable, Equatable {
        /// It would be reused from this run.
        case reuse(RunID)
        /// It would run, for this reason.
        case run(String)
        /// The run decides it later; the text says what it depends on.
        case open(String)
    }

    /// The decisions by stage; stages that never reuse have none.
    package var decisions: [StageID: Decision] = [:]

    package init() {}

    /// The stages that would be reused.
    package var reused: Set<StageID> {
        Set(decisions.compactMap { if case .reuse = $0.value { $0.key } else { nil } })
    }
}

extension StageAttemptRunner {
    /// The outlook of a run that has not begun.
    ///
    /// - Throws: ``StoreError`` when the history cannot be read.
    func reuseOutlook(of plan: RunPlan) async throws -> ReuseOutlook {
        var outlook = ReuseOutlook()
        var published: [DatasetName: ProducedData] = [:]
        for index in CriticalPath.topologicalIndices(of: plan) where plan.stages[index].skipReason == nil {
            guard let stage = loaded.pipeline.stage(plan.stages[index].id), reuse.isWanted(for: stage) else { continue }
            let undecided = plan.upstream[index].first { need in
                let id = plan.stages[need].id
                return !outlook.reused.contains(id) && writes(id, readBy: stage)
            }
            if let obstacle = reuse.obstacle(for: stage) {
                outlook.decisions[stage.id] = .run(obstacle)
            } else if let undecided {
                let name = plan.stages[undecided].id
                outlook.decisions[stage.id] = .open("only if \(name) writes what it wrote before")
            } else if stage.fanOut != nil {
                outlook.decisions[stage.id] = .open("its items are looked at one by one")
            } else {
                let decision = try await decision(about: stage, published)
                if case .reuse(let success) = decision {
                    outlook.decisions[stage.id] = .reuse(success.run)
                    for artifact in success.result.artifacts {
                        guard let dataset = artifact.dataset else { continue }
                        published[dataset, default: ProducedData(writer: stage.id, artifacts: [])].artifacts.append(
                            artifact)
                    }
                } else if case .run(let reason) = decision {
                    outlook.decisions[stage.id] = .run(reason)
                }
            }
        }
        return outlook
    }

    private func writes(_ id: StageID, readBy stage: Stage) -> Bool {
        let outputs = Set(loaded.pipeline.stage(id)?.definition.outputs ?? [])
        return stage.names.contains(where: outputs.contains)
    }

    private func decision(about stage: Stage, _ published: [DatasetName: ProducedData]) async throws -> ReuseDecision {
        let order = AttemptOrder(
            unit: UnitID(stage.id), number: 1, purpose: .work, item: nil, made: published, absent: [:], state: nil,
            isAskedFor: false)
        let log = AttemptLog(
            writer: nil, pipeline: loaded.pipeline.name, run: facts.runID, unit: nil, attempt: nil,
            masker: tools.masker, now: now)
        let control = AttemptControl(unit: order.unit, number: order.number, run: facts.runID, log: log)
        do {
            return try await found(stage, order, control, now()).reuseDecision()
        } catch let failure as Failure {
            return .run(failure.message)
        }
    }
}
