package import CaudalModel
import Foundation

/// A process that is left from a run whose own process has died.
package struct LeftoverProcess: Sendable, Hashable, CustomStringConvertible {
    package var pid: Int32
    /// The name of its program.
    package var name: String

    /// Its name and number, such as `sleep (4242)`.
    package var description: String { "\(name) (\(pid))" }
}

/// The processes that are left from a run whose own process has died.
///
/// A process is recognized by the run's marker in its environment, by the process group recorded before its attempt's
/// program began, or as a descendant of a recognized one: a program may replace its environment or leave its group. A
/// process whose number has been reused is left alone.
package struct Leftovers: Sendable {
    private let run: RunID
    /// The first process of each attempt that has not ended; its number is that of the process group.
    private let leaders: [ProcessIdentity]
    /// The session of the run's process, to which groups belong that lead none of their own.
    private let session: Int32?

    /// The processes left from a run that no process runs.
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

    /// The processes left from a run of which only the id is known.
    package init(of run: RunID) { (self.run, leaders, session) = (run, [], nil) }

    /// Those that run now, by number.
    package var found: [LeftoverProcess] { Self.list(find(in: ProcessTable.snapshot())) }

    private static func list(_ found: [Int32: ProcessTable.Fields]) -> [LeftoverProcess] {
        found.map { LeftoverProcess(pid: $0.key, name: $0.value.name) }.sorted { $0.pid < $1.pid }
    }

    /// Whether there are none.
    package var isEmpty: Bool { find(in: ProcessTable.snapshot()).isEmpty }

    /// Ends all of them and waits until they have ended.
    ///
    /// - Returns: The processes found, by number.
    /// - Throws: ``Failure`` when /proc cannot be read, so that processes could not be found.
    @discardableResult
    package func end() throws(Failure) -> [LeftoverProcess] {
        guard ProcessTable.fields(of: getpid()) != nil, ProcessTable.all().contains(getpid()) else {
            throw Failure(
                "what the run's dead process left running cannot be looked for: /proc cannot be read",
                remedy: "mount /proc, or raise the limit on open files with 'ulimit -n'")
        }
        var found: [Int32: ProcessTable.Fields] = [:]
        // They are stopped first, so that none starts another one before it is killed.
        for _ in 0..<10 {
            let more = find(in: ProcessTable.snapshot()).filter { found[$0.key]?.startTicks != $0.value.startTicks }
            if more.isEmpty { break }
            for pid in more.keys { kill(pid, SIGSTOP) }
            found.merge(more) { $1 }
        }
        for pid in found.keys { kill(pid, SIGKILL) }
        for (pid, fields) in found {
            // A process that waits for the disk ends only when the disk has answered.
            for _ in 0..<200 {
                guard let now = ProcessTable.fields(of: pid), now.startTicks == fields.startTicks, now.state != "Z"
                else { break }
                usleep(10_000)
            }
        }
        return Self.list(found)
    }

    private func find(in table: [Int32: ProcessTable.Fields]) -> [Int32: ProcessTable.Fields] {
        var known = Set(ProcessTable.marked(ProcessLaunch.markerVariable, beginning: "\(run)/").map(\.pid))
        for leader in leaders where leader.bootID == ProcessTable.bootID && leader.startTicks > 0 {
            let isThere = table[leader.pid]?.startTicks == leader.startTicks
            // A group's number is not reused while it has members. Without its leader it is the recorded group, or a
            // newer one whose leader has ended too; the session distinguishes them.
            guard isThere || table[leader.pid] == nil else { continue }
            for (pid, fields) in table where fields.group == leader.pid && fields.startTicks >= leader.startTicks {
                if isThere || fields.session == leader.pid || fields.session == session { known.insert(pid) }
            }
        }
        var children: [Int32: [Int32]] = [:]
        for (pid, fields) in table { children[fields.parent, default: []].append(pid) }
        var waiting = Array(known)
        while let pid = waiting.popLast() {
            for child in children[pid] ?? [] where known.insert(child).inserted { waiting.append(child) }
        }
        // This process itself may have been started by one of them.
        var own = getpid()
        while own > 1, known.remove(own) != nil || table[own] != nil { own = table[own]?.parent ?? 0 }
        return table.filter { known.contains($0.key) && $0.value.state != "Z" }
    }
}

extension RunFolder {
    /// The list of processes started by the run's attempts, see ``SpawnLedger``.
    package var spawned: String { path + "/spawned" }
}
