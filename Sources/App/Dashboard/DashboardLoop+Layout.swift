import Engine

/// How large pictures of the graph are laid out while keys are answered.
extension DashboardLoop {
    /// Lays out what the present picture waits for on another thread, one after the other.
    func layOut() {
        guard layingOut == nil, let request = DashboardLayout(state).awaited else { return }
        let (graph, act) = (state.graph, act)
        // A detached task: the main actor answers keys meanwhile.
        layingOut = Task.detached {
            // It is kept, so that the next picture finds it.
            _ = graph.drawing(request)
            act { loop in
                loop.layingOut = nil
                loop.paint()
            }
        }
    }
}
