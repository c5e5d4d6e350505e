import Foundation

/// A process that worked for a run whose own process had died.
package struct LeftoverProcess: Sendable, Hashable, CustomStringConvertible {
    package var pid: Int32
    /// The name of its program.
    package var name: String

    /// Its name and number, such as `sleep (4242)`.
    package var description: String { "\(name) (\(pid))" }
}

/// What still works for a run whose process has died.
///
/// A process is known by the run's marker in its environment, by the group that was noted before its attempt's program began, or
/// as a descendant of one that is known: a program may replace its environment, and another one leave its group. A number
/// that was given to somebody else meanwhile is left alone.
package struct Leftovers: Sendable {
    private let run: RunID
    /// The first process of each attempt that has not ended; its number is that of the group.
    private let leaders: [ProcessIdentity]
    /// The session of the process that ran the run, which the groups of its attempts belong to.
    private let session: Int32?

    /// Of a run that no process runs.
    ///
    /// - Throws: ``Failure`` when the list of its processes cannot be read.
    package init(of state: RunState, in folder: RunFolder) throws(Failure) {
        run = state.id
        session = state.owner?.session
        var leaders: [ProcessIdentity] = []
        var markers: [String] = []
        for stage in state.stages {
            for (id, unit) in stage.units {
                guard let attempt = unit.openAttempt else { continue }
                if let process = attempt.work?.process { leaders.append(process) }
                markers.append(AttemptControl.marker(state.id, id, attempt.number))
            }
        }
        self.leaders = try leaders + SpawnLedger.processes(of: markers, in: folder.spawned)
    }

    /// Of a run of which nothing but its name is known.
    package init(of run: RunID) { (self.run, leaders, session) = (run, [], nil) }

    /// Whether anything is left.
    package var isEmpty: Bool { find(in: ProcessTable.snapshot()).isEmpty }

    /// Ends everything that is left and waits until it is gone.
    ///
    /// - Returns: What was found, by number.
    /// - Throws: ``Failure`` when the kernel does not tell which processes there are: nothing found would then mean nothing.
    @discardableResult
    package func end() throws(Failure) -> [LeftoverProcess] {
        guard ProcessTable.fields(of: getpid()) != nil, ProcessTable.all().contains(getpid()) else {
            throw Failure(
                "what the run's dead process left running cannot be looked for: /proc cannot be read",
                remedy: "mount /proc, or raise the limit on open files with 'ulimit -n'")
        }
        var found: [Int32: ProcessTable.Fields] = [:]
        // Held first, so that none of them starts another one between the look and the end.
        for _ in 0..<10 {
            let more = find(in: ProcessTable.snapshot()).filter { found[$0.key]?.startTicks != $0.value.startTicks }
            if more.isEmpty { break }
            for pid in more.keys { kill(pid, SIGSTOP) }
            found.merge(more) { $1 }
        }
        for pid in found.keys { kill(pid, SIGKILL) }
        for (pid, fields) in found {
            // A process that waits for a disk ends when that has answered.
            for _ in 0..<200 {
                guard let now = ProcessTable.fields(of: pid), now.startTicks == fields.startTicks, now.state != "Z"
                else { break }
                usleep(10_000)
            }
        }
        return found.map { LeftoverProcess(pid: $0.key, name: $0.value.name) }.sorted { $0.pid < $1.pid }
    }

    private func find(in table: [Int32: ProcessTable.Fields]) -> [Int32: ProcessTable.Fields] {
        var known = Set(ProcessTable.marked(ProcessLaunch.markerVariable, beginning: "\(run)/").map(\.pid))
        for leader in leaders where leader.bootID == ProcessTable.bootID && leader.startTicks > 0 {
            let isThere = table[leader.pid]?.startTicks == leader.startTicks
            // While a group has members nobody else gets its number: without its leader it is the one that was recorded,
            // or one whose leader has ended too. The session tells.
            guard isThere || table[leader.pid] == nil && session != nil else { continue }
            for (pid, fields) in table where fields.group == leader.pid && fields.startTicks >= leader.startTicks {
                if isThere || fields.session == session { known.insert(pid) }
            }
        }
        var children: [Int32: [Int32]] = [:]
        for (pid, fields) in table { children[fields.parent, default: []].append(pid) }
        var waiting = Array(known)
        while let pid = waiting.popLast() {
            for child in children[pid] ?? [] where known.insert(child).inserted { waiting.append(child) }
        }
        // Whoever asks may itself have been started by what is left.
        var own = getpid()
        while own > 1, known.remove(own) != nil || table[own] != nil { own = table[own]?.parent ?? 0 }
        return table.filter { known.contains($0.key) && $0.value.state != "Z" }
    }
}

extension RunFolder {
    /// The list of processes that the run's attempts have started, see ``SpawnLedger``.
    package var spawned: String { path + "/spawned" }
}
