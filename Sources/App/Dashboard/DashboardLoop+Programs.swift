import CaudalModel
import Engine
import Foundation

/// What leaves the dashboard: text for the clipboard, and programs of the user.
extension DashboardLoop {
    // MARK: - The clipboard

    func copy(_ copied: Copied) {
        switch copied {
        case .text(let text, let what): copy(text, what)
        case .line(let line): copy(reducer.lines.record(at: line)?.message ?? "", "the line")
        case .lines(let range):
            // More lines than the clipboard takes need not be read.
            let shown = range.suffix(20_000).compactMap { reducer.lines.record(at: $0) }
            copy(shown.map { $0.plain(in: state.zone) }.joined(separator: "\n"), "picked lines")
        case .log(let unit):
            let lines = LoggedLines(state.run, shown.folder)
            // A detached task: a long log takes a moment.
            let found = Task.detached { lines.newest(20_000, of: unit) }
            Task { [weak self] in
                let text = await found.value
                self?.copy(text, "the log of \(unit)")
                self?.events.wake.yield()
            }
        }
    }

    /// Copies text to the clipboard through the terminal.
    private func copy(_ text: String, _ what: String) {
        guard !text.isEmpty else { return send(.said("nothing to copy: \(what) is empty", .wait)) }
        let clip = ClipboardText(text)
        terminal.send(clip.sequence(isTmux: ProcessInfo.processInfo.environment["TMUX"] != nil))
        send(.said(clip.words(what), clip.isCut ? .wait : .plain))
    }

    // MARK: - Programs of the user

    /// Shows a log in the user's pager.
    func page(_ unit: UnitID?) {
        let lines = LoggedLines(state.run, shown.folder)
        let file = temporaryFile("log")
        Task { [weak self] in
            do {
                try await lines.write(unit, to: file)
                self?.show(file, in: #"LESS="${LESS:-R}" ${CAUDAL_PAGER:-${PAGER:-less}} "$1""#)
            } catch {
                self?.send(.said(Output.oneLine(error), .bad))
            }
            self?.events.wake.yield()
        }
    }

    /// Prints text on the screen that was there before the dashboard, until the user presses enter.
    func printPlainly(_ text: String) {
        let file = temporaryFile("view")
        do {
            try FileText.replace(text + "\n", at: file)
            show(file, in: #"cat "$1"; printf '\n-- enter goes back to the dashboard --'; read _"#)
        } catch {
            send(.said(Output.oneLine(error), .bad))
        }
    }

    /// Opens the pipeline file in the user's editor, at a stage.
    func edit(_ stage: StageID) {
        let name = state.run.plan.file
        let path = state.run.plan.filePath(from: FileManager.default.currentDirectoryPath)
        do {
            let bytes = try FileText.userText(path)
            let line = ConfigSource(file: name, bytes: bytes).place(of: stage)?.line ?? 1
            leave(to: Self.editor(at: "$2"), [path, String(line)]) { loop, exit in
                // A file that cannot be read any more has changed too; so has one beside it that the pipeline is made of.
                let now = try? FileText.userText(path)
                let isChanged = now != bytes || loop.planHasChanged
                if !isChanged, loop.tellsFault(of: "the editor", exit, "$VISUAL or $EDITOR") { return }
                let gone = GoneStage(
                    stage, of: name, before: StagePlaces.stages(in: name, bytes),
                    after: StagePlaces.stages(in: name, now ?? []))
                loop.send(.edited(isChanged: isChanged, gone: gone))
            }
        } catch {
            send(.said(Output.oneLine(error), .bad))
        }
    }

    /// Whether the run would go on with another plan.
    private var planHasChanged: Bool {
        guard let preview = try? shown.previewReopening(state.run) else { return false }
        return preview.change != nil
    }

    private func show(_ file: String, in script: String) {
        leave(to: script, [file]) { loop, exit in
            unlink(file)
            _ = loop.tellsFault(of: "the pager", exit, "$CAUDAL_PAGER or $PAGER")
        }
    }

    /// The command that opens the file `$1` in the user's editor, at a line.
    ///
    /// Editors of windows take `+2` for a file; what they take is in their manuals.
    static func editor(at line: String) -> String {
        """
        e=${VISUAL:-${EDITOR:-vi}}; p=${e%% *}
        case ${p##*/} in
        code|code-insiders|codium|cursor|windsurf) $e --goto "$1:\(line)" ;;
        subl|zed|hx|helix) $e "$1:\(line)" ;;
        *) $e "+\(line)" "$1" ;;
        esac
        """
    }

    /// Tells that a program of the user ended as programs do that could not do their work.
    ///
    /// - Parameter choice: The variables that say which program it is.
    /// - Returns: Whether it was so.
    func tellsFault(of program: String, _ exit: ProcessExit, _ choice: String) -> Bool {
        guard case .exited(let status) = exit, status != 0 else { return false }
        let why = status == 127 ? "was not found" : "failed (\(exit.description))"
        send(.said("\(program) \(why): \(choice) says which one is used", .bad))
        return true
    }

    /// Lets a shell run a script in the terminal.
    func leave(
        to script: String, _ arguments: [String],
        ended: @escaping @MainActor @Sendable (DashboardLoop, ProcessExit) -> Void
    ) {
        let isStarted = events.leave(to: ["/bin/sh", "-c", script, "sh"] + arguments) { [weak self] exit in
            if let self { ended(self, exit) }
        }
        if !isStarted { send(.said("/bin/sh could not be started", .bad)) }
    }

    private func temporaryFile(_ what: String) -> String {
        "\(FileManager.default.temporaryDirectory.path)/caudal-\(what)-\(getpid())-\(UUID().uuidString.prefix(8)).txt"
    }
}
