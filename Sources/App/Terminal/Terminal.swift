import CNcurses
import CaudalModel
import Engine
import Foundation

/// The terminal: shows cell buffers, reads keys, and restores the terminal at the end.
///
/// The only user of ncurses.
@MainActor
final class Terminal {
    /// Why the terminal cannot show a dashboard.
    struct UnusableTerminal: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: Int32
    private let input: UnsafeMutablePointer<FILE>
    private let output: TerminalOutput
    /// Signals whose default handling, by ncurses or the system, is off while the terminal is in use: the screen that
    /// is shown handles them.
    private let signals: SignalListener
    private let screen: OpaquePointer
    /// The pad that keys are read from; reading from a window would refresh it.
    private let keys: UnsafeMutablePointer<WINDOW>
    private var shown: CellBuffer?
    private var pairs: [ColorRole: Int32] = [:]
    private let usesColors: Bool
    /// What the user has chosen for all screens.
    let settings: ScreenSettings
    /// Whether the user looks at this terminal, where it tells.
    private(set) var hasFocus = true
    /// Whether to draw with ASCII characters only.
    let isASCII: Bool
    private var isOpen = true
    private var emptyReads = 0
    private var shownProgress: TerminalProgress?
    private var intake = KeyIntake()
    /// Whether the program receives clicks and the wheel; otherwise the mouse selects text in the terminal.
    private(set) var hasMouse = true

    /// The sequences that undo everything a dashboard turns on, including modes unknown to ncurses.
    private static let restoreBytes =
        "\u{1b}[?2026;1006;1000;1002;1003;2004;1004l\u{1b}[0m\u{1b}[?1l\u{1b}>\u{1b}[?25h\u{1b}[?1049l"

    /// The sequences that a terminal sends around pasted text on request, and the key codes for them.
    private static let pasteBegins: Int32 = 3000
    private static let pasteEnds: Int32 = 3001
    private static let pasteMarks = [(pasteBegins, "\u{1b}[200~"), (pasteEnds, "\u{1b}[201~")]
    /// What a terminal sends on request when it gets and loses the focus.
    private static let focusIn: Int32 = 3002
    private static let focusOut: Int32 = 3003
    private static let focusMarks = [(focusIn, "\u{1b}[I"), (focusOut, "\u{1b}[O")]
    private static let (marksOn, marksOff) = ("\u{1b}[?2004h\u{1b}[?1004h", "\u{1b}[?2004l\u{1b}[?1004l")

    /// Opens the terminal of this process.
    ///
    /// - Throws: ``UnusableTerminal`` if there is no terminal, or it cannot move its cursor.
    init(ascii: Bool, colors: Bool, settings: ScreenSettings) throws {
        self.settings = settings
        setlocale(LC_ALL, "")
        // Opened twice, because only writing must not block.
        guard let input = fopen("/dev/tty", "r+e"), let output = TerminalOutput("/dev/tty") else {
            throw UnusableTerminal(description: "there is no terminal")
        }
        descriptor = fileno(input)
        self.output = output
        self.input = input
        // A size in the environment would override the real size.
        unsetenv("LINES")
        unsetenv("COLUMNS")
        // ncurses takes over the signals that are at their defaults.
        signals = SignalListener([SIGINT, SIGTERM, SIGTSTP, SIGWINCH]) { number in
            if [SIGINT, SIGTERM].contains(number) { Interruption.endNow(saying: nil) }
        }
        cn_remember_terminal(output.descriptor, Self.restoreBytes, Int32(Self.restoreBytes.utf8.count))
        // A terminal that this machine has not heard of nearly always understands what xterm does.
        guard let screen = newterm(nil, output.file, input) ?? newterm("xterm-256color", output.file, input) else {
            cn_forget_terminal()
            throw UnusableTerminal(
                description: "the terminal '\(ProcessInfo.processInfo.environment["TERM"] ?? "")' is not known")
        }
        guard cn_can_address_cursor() == 1, let keys = newpad(1, 1) else {
            endwin()
            cn_forget_terminal()
            throw UnusableTerminal(description: "the terminal cannot move its cursor")
        }
        self.screen = screen
        self.keys = keys
        isASCII = ascii || cn_is_utf8() == 0
        usesColors = colors && has_colors()
        cn_restore_on_crash()
        setUp()
    }

    private func setUp() {
        if ProcessInfo.processInfo.environment["ESCDELAY"] == nil { set_escdelay(25) }
        cbreak()
        noecho()
        nonl()
        intrflush(cn_stdscr(), false)
        keypad(keys, true)
        nodelay(keys, true)
        typeahead(-1)
        curs_set(0)
        leaveok(cn_stdscr(), true)
        idlok(cn_stdscr(), true)
        mousemask(cn_mouse_wanted(), nil)
        mouseinterval(0)
        for (code, bytes) in Self.pasteMarks + Self.focusMarks { define_key(bytes, code) }
        send(Self.marksOn)
        if usesColors { setUpColors() }
        cn_free_control_s(descriptor)
        def_prog_mode()
    }

    /// Colour pairs on the terminal's own background; the theme chooses their colours.
    private func setUpColors() {
        start_color()
        use_default_colors()
        let colors = settings.theme.colors(of: Int(cn_colors()))
        for (index, role) in ColorRole.allCases.enumerated() {
            guard let color = colors[role] else { continue }
            init_pair(Int16(index + 1), color, -1)
            pairs[role] = Int32(index + 1)
        }
    }

    // MARK: - Size

    /// The present size of the terminal.
    var size: (rows: Int, columns: Int) {
        var rows: Int32 = 0
        var columns: Int32 = 0
        if cn_window_size(descriptor, &rows, &columns) == 0 { return (Int(rows), Int(columns)) }
        return (Int(getmaxy(cn_stdscr())), Int(getmaxx(cn_stdscr())))
    }

    /// Applies a new size; the next buffer is drawn completely.
    func resize() {
        let size = size
        resize_term(Int32(size.rows), Int32(size.columns))
        clearok(cn_stdscr(), true)
        shown = nil
    }

    // MARK: - Showing

    /// Shows a buffer: writes only the differences from the last one.
    func show(_ buffer: CellBuffer) {
        // A frame that the terminal cannot accept is dropped; the next one that it accepts is complete again.
        guard isOpen, output.flush() else { return }
        var hasChanged = false
        let isComparable = shown?.width == buffer.width && shown?.height == buffer.height
        for row in 0..<buffer.height {
            if isComparable, let shown, Self.isEqual(shown, buffer, row: row) { continue }
            hasChanged = true
            drawRow(row, of: buffer)
        }
        shown = buffer
        if hasChanged {
            output.collect(isFrame: true) {
                wnoutrefresh(cn_stdscr())
                doupdate()
            }
        }
    }

    /// Whether the terminal has not yet accepted everything that was written.
    var isBehind: Bool { isOpen && output.isBehind }

    private static func isEqual(_ a: CellBuffer, _ b: CellBuffer, row: Int) -> Bool {
        let range = (row * b.width)..<((row + 1) * b.width)
        guard a.cells[range] == b.cells[range] else { return false }
        // Indexes of clusters cannot be compared between two buffers.
        return !b.cells[range].contains { $0.content >= Cell.firstCluster && a.text(of: $0) != b.text(of: $0) }
    }

    private func drawRow(_ row: Int, of buffer: CellBuffer) {
        var line: [cchar_t] = []
        line.reserveCapacity(buffer.width)
        for column in 0..<buffer.width {
            let cell = buffer[row: row, column: column]
            if cell.content == Cell.continuation { continue }
            var target = cchar_t()
            let (attributes, pair) = attributes(of: cell.style, cell.content)
            if cell.content < Cell.firstCluster {
                var text: (wchar_t, wchar_t) = (wchar_t(bitPattern: shownScalar(cell.content)), 0)
                withUnsafePointer(to: &text) { pointer in
                    pointer.withMemoryRebound(to: wchar_t.self, capacity: 2) {
                        cn_set_cell(&target, $0, attributes, pair)
                    }
                }
            } else {
                let text = buffer.text(of: cell).unicodeScalars.map { wchar_t(bitPattern: shownScalar($0.value)) } + [0]
                cn_set_cell(&target, text, attributes, pair)
            }
            line.append(target)
        }
        _ = mvwadd_wchnstr(cn_stdscr(), Int32(row), 0, line, Int32(line.count))
    }

    private func shownScalar(_ value: UInt32) -> UInt32 {
        guard isASCII, value > 0x7E else { return value }
        return UInt32(ASCIIDrawing.replacement(for: value).value)
    }

    private func attributes(of style: Style, _ content: UInt32) -> (attributes: attr_t, pair: Int32) {
        var attributes: attr_t = 0
        var emphasis = settings.theme.attributes(of: style)
        // Bars, lines and signs in reverse would be holes; of a theme without colours only words are.
        if (0x2500...0x27BF).contains(content), !style.attributes.contains(.reverse) { emphasis.remove(.reverse) }
        if emphasis.contains(.bold) { attributes |= attr_t(CN_BOLD) }
        if emphasis.contains(.dim) { attributes |= attr_t(CN_DIM) }
        if emphasis.contains(.reverse) { attributes |= attr_t(CN_REVERSE) }
        if emphasis.contains(.underline) { attributes |= attr_t(CN_UNDERLINE) }
        let pair = usesColors ? pairs[style.role] ?? 0 : 0
        // If the theme defines a grey, dimming it as well would make it unreadable.
        if style.role == .dim, pair != 0, cn_colors() >= 16 { attributes &= ~attr_t(CN_DIM) }
        return (attributes, pair)
    }

    /// Writes sequences that ncurses does not handle, such as the window's title.
    func send(_ bytes: String) {
        guard isOpen else { return }
        output.send(bytes)
    }

    // MARK: - Keys

    /// The descriptor that becomes readable when there is input.
    var inputDescriptor: Int32 { descriptor }

    /// Reads the pending keys; nil if the terminal has closed.
    ///
    /// `isReady`: whether the descriptor was reported as readable.
    func readKeys(isReady: Bool) -> [Key]? {
        var found: [KeyIntake.Signal] = []
        var count = 0
        while count < 1000 {
            var code: wint_t = 0
            let result = wget_wch(keys, &code)
            if result == ERR { break }
            count += 1
            switch (result, Int32(bitPattern: code)) {
            case (KEY_CODE_YES, Self.pasteBegins): found.append(.pasteBegins)
            case (KEY_CODE_YES, Self.pasteEnds): found.append(.pasteEnds)
            case (KEY_CODE_YES, Self.focusIn): hasFocus = true
            case (KEY_CODE_YES, Self.focusOut): hasFocus = false
            case (KEY_CODE_YES, let number): if let key = special(number) { found.append(.key(key)) }
            default: if let key = plain(code) { found.append(.key(key)) }
            }
        }
        // Readable again and again without any input: the terminal has closed.
        if isReady { emptyReads = count == 0 ? emptyReads + 1 : 0 }
        let keys = intake.process(found, at: .now)
        return emptyReads > 20 ? nil : keys
    }

    /// Discards pending keys, which the user pressed before the present screen was shown.
    func discardKeys() {
        while let keys = readKeys(isReady: false), !keys.isEmpty {}
    }

    private func plain(_ code: wint_t) -> Key? {
        switch code {
        case 9: return .tab
        case 10, 13: return .enter
        case 27: return .escape
        case 8, 127: return .backspace
        case 1...26: return Unicode.Scalar(code + 96).map { .control(Character($0)) }
        case 0..<32: return nil
        default: return Unicode.Scalar(code).map { .character(Character($0)) }
        }
    }

    private func special(_ code: Int32) -> Key? {
        switch code {
        case KEY_UP: return .up
        case KEY_DOWN: return .down
        case KEY_LEFT: return .left
        case KEY_RIGHT: return .right
        case KEY_HOME: return .home
        case KEY_END: return .end
        case KEY_PPAGE: return .pageUp
        case KEY_NPAGE: return .pageDown
        case KEY_ENTER: return .enter
        case KEY_BACKSPACE: return .backspace
        case KEY_DC: return .delete
        case KEY_BTAB: return .backTab
        case KEY_RESIZE: return .resize
        case KEY_MOUSE: return mouse()
        default: return nil
        }
    }

    private func mouse() -> Key? {
        var event = MEVENT()
        guard getmouse(&event) == OK else { return nil }
        let (row, column) = (Int(event.y), Int(event.x))
        if event.bstate & cn_mouse_wheel_up() != 0 { return .wheelUp(row: row, column: column) }
        if event.bstate & cn_mouse_wheel_down() != 0 { return .wheelDown(row: row, column: column) }
        return event.bstate & cn_mouse_press() != 0 ? .click(row: row, column: column) : nil
    }

    // MARK: - Progress

    /// Tells the terminal how far the run is, by OSC 9;4; nil takes it back.
    func showProgress(_ progress: TerminalProgress?) {
        guard settings.showsProgress, isOpen, progress != shownProgress else { return }
        shownProgress = progress
        output.send(TerminalProgress.sequence(progress))
    }

    /// Leaves the mouse to the terminal, or takes it back.
    func setMouse(_ isOn: Bool) {
        hasMouse = isOn
        output.collect { mousemask(isOn ? cn_mouse_wanted() : 0, nil) }
    }

    // MARK: - Suspending and closing

    /// Leaves the terminal to the shell or to another program.
    func suspend() {
        showProgress(nil)
        send(Self.marksOff)
        output.collect { endwin() }
        output.flush(patience: Self.farewell)
        reset_shell_mode()
        // endwin does not undo the modes that we turned on ourselves.
        isOpen = false
    }

    /// Takes the terminal back.
    func resume() {
        isOpen = true
        reset_prog_mode()
        // The size may have changed in between; the keypad mode must be turned on again.
        resize()
        cn_free_control_s(descriptor)
        output.collect {
            keypad(keys, true)
            curs_set(0)
            wrefresh(cn_stdscr())
        }
        send(Self.marksOn)
    }

    /// Starts a program that the user talks to instead of the screen, and says when it has ended; the screen is drawn
    /// again then.
    ///
    /// - Parameters:
    ///   - words: The program's path and its arguments.
    ///   - ended: Called on the main actor, when the terminal is this program's again.
    /// - Returns: The process; nil where it could not be started.
    func leave(to words: [String], ended: @escaping @MainActor @Sendable (ProcessExit) -> Void) -> pid_t? {
        suspend()
        let terminal = descriptor
        var list = words.map { strdup($0) } + [nil]
        defer { for text in list { free(text) } }
        let process = cn_start_in_front(terminal, words[0], &list)
        guard process > 0 else {
            cn_take_front(terminal)
            resume()
            return nil
        }
        // A thread of its own, because it waits as long as the user stays.
        Thread.detachNewThread {
            let status = cn_wait_in_front(terminal, process)
            let exit: ProcessExit =
                status < 0 ? .unknown : status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signaled(status & 0x7F)
            Task { @MainActor in
                cn_take_front(terminal)
                self.resume()
                ended(exit)
            }
        }
        return process
    }

    /// Restores the terminal; a second call does nothing.
    func close() {
        guard isOpen else { return }
        showProgress(nil)
        isOpen = false
        output.collect { endwin() }
        output.flush(patience: Self.farewell)
        cn_restore_terminal()
        signals.stop()
    }

    /// The maximum time for restoring the terminal.
    private static let farewell = Duration.milliseconds(300)

    /// Restores the terminal from any thread and without blocking, for a program that is being killed.
    nonisolated static func restoreAtOnce() { cn_restore_terminal() }
}
