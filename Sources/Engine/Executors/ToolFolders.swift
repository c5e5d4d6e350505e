import CaudalModel
import Foundation

/// The folders in which tools are looked for.
enum ToolFolders {
    /// Where a tool may be: in the project, then upwards from this program, which may have been built in its checkout.
    static func all(root: String, path: String) -> [String] {
        var places = ["\(root)/\(path)"]
        var folder = PathText.folder(of: ProgramPath.own)
        while folder.count > 1 {
            places.append("\(folder)/\(path)")
            folder = PathText.folder(of: folder)
        }
        return places
    }
}
