import CaudalModel
import Engine
import Foundation

/// Corrected rows that a stage is run again with.
struct ReplayedRows {
    let rows: CorrectedRows
    /// The file that the run keeps them in.
    let file: String
}

/// Quarantined rows: they are written to a file, corrected in the user's editor, and taken back into the run.
extension DashboardLoop {
    /// Opens the rows that a validate stage quarantined in the user's editor.
    func correct(_ stage: StageID) {
        guard let files = shown.files else { return }
        let (run, act) = (state.run, act)
        state.say("reading the rows that \(stage) quarantined …")
        // A detached task: the rows are read by a program.
        Task.detached {
            do {
                // The rows are private, and so is their file.
                let folder = try FileText.makeTemporaryFolder("caudal-rows")
                do {
                    let file = "\(folder)/\(PathComponent.of(stage.rawValue)).csv"
                    try await files.exportRows(run, stage, file)
                    let text = try FileText.read(file)
                    act { $0.edit(text, of: stage, in: file) }
                } catch {
                    try? FileManager.default.removeItem(atPath: folder)
                    throw error
                }
            } catch {
                let reason = Output.oneLine(error)
                act { $0.send(.said(reason, .bad)) }
            }
        }
    }

    private func edit(_ exported: String, of stage: StageID, in file: String) {
        let folder = PathText.folder(of: file)
        // What the user corrected before was not enough, and is the beginning of what is.
        let begun = refusedRows.flatMap {
            $0.stage == stage && Self.header($0.text) == Self.header(exported) ? $0 : nil
        }
        do {
            if let begun { try FileText.replace(begun.text, at: file) }
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            return send(.said(Output.oneLine(error), .bad))
        }
        leave(to: Self.editor(at: "2"), [file]) { loop, exit in
            defer { try? FileManager.default.removeItem(atPath: folder) }
            guard let text = try? FileText.read(file), let header = Self.header(text) else {
                return loop.send(.said("no row was corrected: the file is gone, empty or no text", .bad))
            }
            let before = Set(exported.split(separator: "\n"))
            let count = text.split(separator: "\n").count { !before.contains($0) }
            if count == 0, loop.tellsFault(of: "the editor", exit, "$VISUAL or $EDITOR") { return }
            guard let wanted = Self.header(exported), header == wanted else {
                // The next time, what was corrected stands there under the right line.
                let mended = Self.header(exported).map { $0 + text.dropFirst(header.count) } ?? text[...]
                loop.refusedRows = CorrectedRows(stage: stage, text: String(mended), count: count)
                return loop.send(
                    .said("no row was taken in: the first line names the columns, and has to stay as it is", .bad))
            }
            loop.send(.corrected(CorrectedRows(stage: stage, text: text, count: count)))
        }
    }

    private static func header(_ text: String) -> Substring? { text.split(separator: "\n", maxSplits: 1).first }

    /// Keeps corrected rows with the run, and then has their stage run again.
    func replay(_ rows: CorrectedRows, _ effect: DashboardEffect) {
        guard let files = shown.files else { return }
        let (run, wake) = (state.run, events.wake)
        Task { [weak self] in
            do {
                let file = try await files.keepRows(run, rows.stage, rows.text)
                self?.replayedRows = file.map { ReplayedRows(rows: rows, file: $0) }
                self?.carryOut(effect)
            } catch {
                self?.refusedRows = rows
                self?.send(.said(Output.oneLine(error), .bad))
            }
            wake.yield()
        }
    }

    /// Looks whether the stage that runs again with corrected rows has ended.
    func replayedRowsHaveEnded(_ events: [RunEvent]) {
        guard let replayed = replayedRows else { return }
        for event in events {
            guard case .unitEnded(UnitID(replayed.rows.stage), let outcome, _) = event.change else { continue }
            if outcome.isSuccess { (replayedRows, refusedRows) = (nil, nil) } else { dropReplayedRows() }
        }
    }

    /// Takes back corrected rows that their stage could not use, so that they do not stand in the way of better ones.
    func dropReplayedRows() {
        guard let replayed = replayedRows else { return }
        (replayedRows, refusedRows) = (nil, replayed.rows)
        shown.files?.removeRows(state.run.id, replayed.file)
    }
}
