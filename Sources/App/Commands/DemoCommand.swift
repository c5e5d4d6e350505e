import ArgumentParser
import CaudalModel
import Engine
import Foundation

/// `caudal demo`: a walkthrough with a live run, for somebody who has nothing set up.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Show what Caudal does, with a small live run that needs nothing but a shell.",
        discussion: CommandHelp.paragraphs(
            """
            The tour presses keys and says what they do; any key of yours ends it and leaves you with the run. The run, its
            pipeline and its log lie in a folder for temporary files, which is removed at the end unless you name one. Without
            a terminal, the run is printed.
            """))

    @Option(help: ArgumentHelp("Keep the demo's project in this folder, which must not exist.", valueName: "folder"))
    var folder: String?

    @Flag(help: "Only run it: no captions, and no keys are pressed.")
    var silent = false

    @OptionGroup var show: ShowOptions

    func run() async throws {
        let place =
            try folder.map { try Self.make($0) } ?? Output.reporting { try FileText.makeTemporaryFolder("caudal-demo") }
        // What cannot be removed lies in the folder for temporary files.
        defer { if folder == nil { try? FileManager.default.removeItem(atPath: place) } }
        let file = place + "/config/demo.yaml"
        try Output.reporting {
            try FileManager.default.createDirectory(atPath: place + "/config", withIntermediateDirectories: true)
            try FileText.publish(Self.pipeline, at: file)
        }
        var verb = try RunCommandLine.parse([file, "--project", place])
        verb.show = show
        guard var runner = try await verb.prepare() else { return }
        runner.keepsRun = folder != nil
        if !silent { runner.tour = .tour }
        try await runner.run()
    }

    private static func make(_ folder: String) throws -> String {
        let path = PathText.absolute(folder, in: FileManager.default.currentDirectoryPath)
        if FileText.exists(path) { throw ValidationError("\(folder) exists already; name a folder that does not") }
        return path
    }

    /// A warehouse in small: one stage fails once and is tried again, and one item fails until it is retried.
    static let pipeline = #"""
        version: 1
        name: demo
        description: A warehouse in small, made of shell commands.
        max_parallel: 4
        stages:
          orders:
            type: command
            run: 'for i in $(seq 1 20); do echo "orders: $((i * 5)) of 100 pages"; sleep 0.15; done'
            progress: 'orders: (\d+) of (\d+) pages'
          customers: {type: command, run: 'sleep 2; echo "310,000 customers"'}
          rates:
            type: command
            run: 'sleep 1; test "$CAUDAL_ATTEMPT" -gt 1 || { echo "ERROR 503 rates.example is busy" >&2; exit 75; }; echo "180 rates"'
            retry: {limit: 2, delay: 3s}
          clean:
            type: command
            needs: [orders, customers]
            foreach: {region: [north, south, east, west, center, islands]}
            run: |
              echo "reading orders of ${item.region}"; sleep 1.5
              if [ "${item.region}" = west ] && [ "$CAUDAL_ATTEMPT" = 1 ]; then
                echo "row 88121: amount is '12,5O', with a letter in it" >&2
                echo "ERROR 1 of 24,112 rows cannot be read" >&2
                exit 1
              fi
              echo "24,112 rows"
          join: {type: command, needs: [clean, rates], run: 'for i in 1 2 3 4; do echo "part $i of 4"; sleep 0.4; done', progress: 'part (\d+) of (\d+)'}
          quality: {type: command, needs: join, run: 'sleep 1; echo "12 checks passed"'}
          report: {type: command, needs: quality, run: 'sleep 0.6; echo "report written"'}
          publish: {type: command, needs: quality, run: 'sleep 0.8; echo "144,672 rows published"'}
        """#
}
