import CaudalModel
import Engine
import Foundation

/// Corrected rows that a stage is run again with.
struct ReplayedRows {
    let rows: CorrectedRows
    /// The file that the run keeps them in.
    let file: String
}

/// Rows that a user began to correct, and that no stage has taken in yet.
struct BegunRows {
    let stage: StageID
    /// What the editor was given.
    let given: String
    /// What it gave back.
    let text: String
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
        // What the user corrected before, but was not taken in, is the beginning of what will be.
        let begun = begunRows.flatMap { $0.stage == stage ? $0 : nil }
        let exported = begun.map { EditedRows.united(exported, with: $0.given) } ?? exported
        do {
            if let begun {
                // As it stood there, if the rows are still the same.
                let text = begun.given == exported ? begun.text : EditedRows.merged(begun.text, into: exported)
                try FileText.replace(text, at: file)
            }
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            return send(.said(Output.oneLine(error), .bad))
        }
        leave(to: Self.editor(at: "2"), [file]) { loop, exit in
            defer { try? FileManager.default.removeItem(atPath: folder) }
            guard let bytes = try? FileText.bytes(file), !bytes.isEmpty else {
                loop.begunRows = nil
                return loop.send(.said("no row was corrected: the file is gone or empty", .bad))
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if text == exported, loop.tellsFault(of: "the editor", exit, "$VISUAL or $EDITOR") { return }
            loop.begunRows =
                text == exported
                ? nil : BegunRows(stage: stage, given: exported, text: EditedRows.underHeader(of: exported, text))
            do throws(Failure) {
                let edited = try EditedRows(bytes, of: exported)
                loop.send(.corrected(CorrectedRows(stage: stage, text: edited.changed, count: edited.count)))
            } catch {
                loop.send(.said("no row was taken in: \(error.message)", .bad))
            }
        }
    }

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
            if outcome.isSuccess { (replayedRows, begunRows) = (nil, nil) } else { dropReplayedRows() }
        }
    }

    /// Takes back corrected rows that their stage could not use, so that they do not stand in the way of better ones.
    func dropReplayedRows() {
        guard let replayed = replayedRows else { return }
        replayedRows = nil
        shown.files?.removeRows(state.run.id, replayed.file)
    }
}
