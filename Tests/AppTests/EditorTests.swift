import Foundation
import Testing

@testable import App

@Suite("The user's editor", .timeLimit(.minutes(1)))
struct EditorTests {
    @Test(
        "It is given the file and the line in the form that it knows",
        arguments: [
            ("nano", "+7 p.yaml"), ("vim -R", "-R +7 p.yaml"), ("code --wait", "--wait --goto p.yaml:7"),
            ("subl -w", "-w p.yaml:7"),
        ])
    @MainActor func line(editor: String, arguments: String) throws {
        let name = editor.prefix { $0 != " " }
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        let script = "\(name)() { echo \"$@\"; }\n\(DashboardLoop.editor(at: "$2"))"
        shell.arguments = ["-c", script, "sh", "p.yaml", "7"]
        shell.environment = ["VISUAL": editor]
        let output = Pipe()
        shell.standardOutput = output
        try shell.run()
        let told = try output.fileHandleForReading.readToEnd() ?? Data()
        shell.waitUntilExit()
        #expect(String(decoding: told, as: UTF8.self) == arguments + "\n")
    }
}
