import CaudalModel
import Engine

extension DashboardLoop {
    /// Asks the run store once how often the selected failure was seen before; reading it never waits.
    func lookUpFailure() {
        guard let (id, unit) = state.unknownFailure, let attempt = unit.attempts.last else { return }
        // What cannot be read is left out: the failure itself is on the screen.
        let words = try? shown.failureWords(id, unit, state.run)
        state.failureWords[id] = DashboardState.FailureWords(attempt: attempt.number, words: words)
    }

    /// Looks up what the inspector needs on another thread, one unit after the other.
    func lookUpDetails() {
        guard lookingUp == nil, let key = state.wantedDetails else { return }
        let (run, folder, look, act) = (state.run, shown.folder, shown.details, act)
        // A detached task: the main actor draws meanwhile.
        lookingUp = Task.detached {
            let details = look(key, run, folder)
            act { loop in
                loop.lookingUp = nil
                // Another run may be shown by now.
                guard loop.state.run.id == run.id else { return }
                loop.send(.details(details))
                loop.paint()
            }
        }
    }
}
