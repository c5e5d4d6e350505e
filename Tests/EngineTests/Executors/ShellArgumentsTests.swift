import CaudalModel
@testable import Engine
import Foundation
import TestSupport
import Testing

/// What a shell among the arguments of a list gets of values.
@Suite("Values in lists with a shell", .timeLimit(.minutes(1)))
struct ShellArgumentsTests {
    private static let value = "a  *b' \"$(echo no) `echo no` \\\\ # c"
    private static let text = "printf '[%s]' ${params.x}"

    private func templates(_ words: [String]) throws -> [Template] { try words.map { try Template(parsing: $0) } }

    /// What may stand before a command: those that this machine has.
    private static let wrappers = [
        [], ["env", "A=1"], ["env", "-u", "B", "A=1"], ["nice", "-n", "5"], ["nice", "-5"], ["nohup"],
        ["setsid", "-w"],
        ["stdbuf", "-o", "L"], ["timeout", "-k", "1", "20"], ["timeout", "20s"], ["time", "-p"], ["ionice", "-c", "3"],
        ["ionice", "-c3", "-t"], ["chrt", "-o", "0"], ["taskset", "-c", "0"], ["flock", "/dev/null"],
        ["xargs", "-n", "1"], ["chroot", "/"], ["nice", "env", "A=1", "timeout", "--", "20"],
    ].filter { words in
        words.first.map { word in
            ["/usr/bin/", "/bin/", "/usr/sbin/"].contains { FileManager.default.fileExists(atPath: $0 + word) }
                && (word != "chroot" || geteuid() == 0)
        } ?? true
    }

    @Test("A value stays what it is, whatever programs stand before the shell", arguments: wrappers)
    func whole(wrapper: [String]) async throws {
        let words = try templates(wrapper + ["bash", "-euo", "pipefail", "-c", Self.text])
        let arguments = ShellArguments(words)
        #expect(arguments.fault == nil && arguments.text == words.count - 1, "\(arguments)")
        let line = ShellLine(words[words.count - 1])
        let answer = try await ToolRun.output(
            of: "/usr/bin/env", words.dropLast().map { $0.filled { _ in "" } } + [line.text],
            environment: ["PATH": "/usr/bin:/bin:/usr/sbin", "CAUDAL_PARAM_X": Self.value], reactor: ProcessReactor())
        #expect(answer.text.hasSuffix("[\(Self.value)]"), "\(wrapper): \(answer)")
    }

    @Test(
        "A shell that has none of the variables, or is behind a program that is not known, is refused",
        arguments: [
            ["env", "-i", "bash", "-c", text], ["env", "-", "sh", "-c", text],
            ["sudo", "-u", "etl", "bash", "-c", text],
            ["nice", "sudo", "sh", "-ec", text], ["docker", "run", "image", "bash", "-c", text],
            ["su", "-c", text, "etl"], ["flock", "lock", "-c", text],
            ["xargs", "docker", "run", "image", "sh", "-c", text],
        ])
    func refused(words: [String]) throws {
        let arguments = ShellArguments(try templates(words))
        #expect(arguments.fault?.message == "the shell behind '\(words[0])' would run what ${params.x} holds")
    }

    @Test(
        "Other programs get the value itself",
        arguments: [
            ["docker", "run", "image", "bash", "-c", "echo \"$1\"", "_", "${params.x}"],
            ["sudo", "tool", "${params.x}"],
            ["python3", "-c", "${params.x}"], ["nice", "tool", "-c", "${params.x}"],
            ["sh", "script.sh", "-c", "${params.x}"],
            ["nice"], ["timeout", "5"], ["env", "-u"],
        ])
    func others(words: [String]) throws {
        let arguments = ShellArguments(try templates(words))
        #expect(arguments.fault == nil && arguments.text == nil)
    }
}
