import CaudalModel
import Engine

/// The box in which the limits of the run are changed.
struct LimitsPage: Equatable {
    var choice = 0
    /// The numbers that the user has changed and not applied yet.
    var draft: [RunLimit: Int] = [:]
}

extension DashboardState {
    /// Why the limits of the run cannot be changed; nil if they can.
    var limitRefusal: String? {
        steeringRefusal ?? (run.status == .running ? nil : "the run has ended: its limits are those of the file again")
    }

    mutating func chooseLimit(_ step: Int) {
        guard case .limits(var page) = overlay else { return }
        page.choice = max(0, min(page.choice + step, run.plan.limits.count - 1))
        overlay = .limits(page)
    }

    /// Changes the number of the chosen limit, which is not applied yet.
    mutating func changeLimit(_ step: Int) {
        guard case .limits(var page) = overlay, run.plan.limits.indices.contains(page.choice) else { return }
        let limit = run.plan.limits[page.choice]
        let number = (page.draft[limit] ?? run.number(of: limit)) + step
        guard RunLimit.range.contains(number) else { return }
        page.draft[limit] = number == run.number(of: limit) ? nil : number
        overlay = .limits(page)
    }

    /// The limits that differ from the file, for the header.
    var changedLimits: [String] {
        run.plan.limits.compactMap { limit in
            guard let number = run.limits[limit] else { return nil }
            return limit == .maxParallel ? "≤\(number) at once" : "\(limit.name) ≤\(number)"
        }
    }
}

extension DashboardReducer {
    /// Sends the changed numbers to the run.
    func applyLimits(_ state: inout DashboardState) -> [DashboardEffect] {
        guard case .limits(let page) = state.overlay else { return [] }
        state.overlay = nil
        if page.draft.isEmpty { state.say("no limit was changed") }
        return state.run.plan.limits.compactMap { limit in
            page.draft[limit].map { .send(.setLimit(limit, $0)) }
        }
    }
}
