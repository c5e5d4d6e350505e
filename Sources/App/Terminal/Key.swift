/// What a person does at the keyboard or with the mouse.
enum Key: Hashable, Sendable {
    case character(Character)
    /// A letter with ctrl held.
    case control(Character)
    case up, down, left, right
    case enter, escape, tab, backTab, backspace, delete
    case home, end, pageUp, pageDown
    case click(row: Int, column: Int)
    case wheelUp(row: Int, column: Int)
    case wheelDown(row: Int, column: Int)
    /// Text that came all at once, not key by key: line ends and tabs are blanks, and none stand at its ends.
    case paste(String)
    /// The terminal has another size now.
    case resize
}
