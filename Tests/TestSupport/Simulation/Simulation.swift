package import CaudalModel
import Engine

/// Whole runs of random pipelines, from a seed: what ``RunMachine`` and ``RunDriver`` do in a world that fails.
package enum Simulation {
    /// What may happen in a simulated run.
    package struct Settings: Sendable, CustomStringConvertible {
        package var seed: UInt64
        package var maxStages = 10
        package var commands = true
        package var crashes = true
        /// Whether the wall clock jumps by an hour now and then.
        package var clockJumps = true

        package init(seed: UInt64) { self.seed = seed }

        package var description: String {
            "seed \(seed), up to \(maxStages) stages, \(commands ? "with" : "without") commands, "
                + "\(crashes ? "with" : "without") crashes"
        }
    }

    /// What a simulated attempt does.
    package enum Script: Equatable {
        case succeeds
        case fails(ProcessExit)
        case hangs
    }

    /// How a simulated run went.
    package struct Report {
        package let state: RunState
        package let journal: [RunEvent]
        package let crashes: Int
        /// Whether the order in which things happen can change how the run ends.
        package let dependsOnTiming: Bool
    }

    /// Runs one seed.
    ///
    /// - Throws: The story of the first broken invariant.
    package static func run(_ settings: Settings) throws(Story) -> Report {
        var chance = Chance(seed: settings.seed)
        let random = RandomPlan(using: &chance, maxStages: settings.maxStages)
        var world = SimulatedWorld(random, settings: settings, chance: chance.fork())
        do throws(RunInvariants.Violation) {
            try world.live()
            return Report(
                state: world.journal.state, journal: world.journal.events, crashes: world.crashes,
                dependsOnTiming: random.dependsOnTiming)
        } catch {
            throw Story(settings: settings, violation: error, plan: random.plan, events: world.journal.events)
        }
    }

    /// Runs one seed; where it can be, also without its crashes, which must end the same way.
    package static func runAndCompare(seed: UInt64) throws(Story) -> Report {
        var settings = Settings(seed: seed)
        settings.commands = seed % 3 != 0
        let report = try run(settings)
        guard !settings.commands, report.crashes > 0, !report.dependsOnTiming else { return report }
        settings.crashes = false
        let calm = try run(settings)
        for (stage, other) in zip(report.state.stages, calm.state.stages) where stage.unit.status != other.unit.status {
            let violation = RunInvariants.Violation(
                "\(stage.id) ended \(stage.unit.status) after \(report.crashes) crashes and \(other.unit.status) without"
            )
            throw Story(settings: settings, violation: violation, plan: calm.state.plan, events: [])
        }
        return report
    }

    /// The shortest story of a failing seed that leaving things out still gives.
    package static func shrink(_ story: Story) -> Story {
        var best = story
        func attempt(_ change: (inout Settings) -> Void) {
            var settings = best.settings
            change(&settings)
            do throws(Story) { _ = try run(settings) } catch { best = error }
        }
        attempt { $0.crashes = false }
        attempt { $0.commands = false }
        for size in 1..<max(2, best.settings.maxStages) where best.settings.maxStages > size {
            attempt { $0.maxStages = size }
        }
        return best
    }

    /// What an attempt does, from nothing but the seed, its unit and how often that was tried before.
    package static func script(_ seed: UInt64, _ id: UnitID, _ tries: Int, canHang: Bool) -> Script {
        var hash = seed &+ 0x51_7c_c1_b7
        for byte in id.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        var chance = Chance(seed: hash &+ UInt64(tries) &* 7919)
        switch chance.number(0...99) {
        case ..<72: return .succeeds
        case ..<82: return .fails(.exited(1))
        case ..<90: return .fails(.exited(75))
        case ..<94: return .fails(.signaled(9))
        default: return canHang ? .hangs : .succeeds
        }
    }
}
