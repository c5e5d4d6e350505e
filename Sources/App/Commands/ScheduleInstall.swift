import ArgumentParser
import CaudalModel
import Engine
import Foundation

/// `caudal schedule install`.
struct ScheduleInstall: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install", abstract: "Have the scheduler of a project started by the system.",
        discussion: CommandHelp.paragraphs(
            """
            It writes a systemd user unit, which starts the scheduler with the machine and again when it fails. --cron prints a line
            for crontab instead, which decides what is due once a minute and needs no daemon.

              caudal schedule install
              caudal schedule install --cron | crontab -
              caudal schedule install --remove
            """))

    @Flag(help: "Print what would be written, and write nothing.")
    var dryRun = false

    @Flag(help: "Print the crontab of this user with a line for the project, for 'crontab -'.")
    var cron = false

    @Flag(help: "Remove the systemd unit again.")
    var remove = false

    @OptionGroup var state: StateOptions

    func validate() throws {
        if cron, remove {
            throw ValidationError("--cron and --remove cannot be given together; edit it with 'crontab -e'")
        }
    }

    func run() async throws {
        let project = try ScheduledProject(state)
        let unit = SchedulerUnit(project: project, program: ProgramPath.own, variables: state.variables)
        try Output.reporting {
            if cron {
                for line in try unit.crontab() { Output.line(plain: line) }
            } else if remove {
                try removeUnit(unit)
            } else if dryRun {
                Output.write(unit.text, to: STDOUT_FILENO)
            } else {
                try write(unit)
            }
        }
    }

    private func write(_ unit: SchedulerUnit) throws {
        try FileManager.default.createDirectory(atPath: unit.folder, withIntermediateDirectories: true)
        try FileText.replace(unit.text, at: unit.path)
        Output.line("wrote \(unit.path)")
        Output.line("start it now and with the machine:")
        Output.line("  systemctl --user daemon-reload && systemctl --user enable --now \(unit.name)")
        Output.line("let it run while you are not logged in:")
        Output.line("  loginctl enable-linger")
    }

    private func removeUnit(_ unit: SchedulerUnit) throws {
        guard FileText.exists(unit.path) else { throw Failure("there is no \(unit.path)") }
        try FileManager.default.removeItem(atPath: unit.path)
        Output.line("removed \(unit.path); end the scheduler with 'systemctl --user disable --now \(unit.name)'")
    }
}

/// What starts the scheduler of a project by itself.
struct SchedulerUnit {
    let project: ScheduledProject
    /// The path of the program.
    let program: String
    /// The process's environment.
    let variables: [String: String]

    /// Where systemd looks for units of this user.
    var folder: String {
        let chosen = variables["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let home = variables["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()
        return (chosen ?? home + "/.config") + "/systemd/user"
    }

    /// The unit's name, of the project's folder; two folders of one name differ in the fingerprint of their paths.
    var name: String {
        let plain = PathText.lastComponent(of: project.files.root).map {
            $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-"
        }
        return "caudal-\(String(plain).lowercased())-\(ContentHash.of(project.files.root).suffix(6)).service"
    }

    var path: String { folder + "/" + name }

    /// The unit; the runs go on when the scheduler is stopped or upgraded (`KillMode=process`).
    var text: String {
        """
        [Unit]
        Description=Caudal scheduler of \(Self.escaped(project.files.root))

        [Service]
        Type=simple
        WorkingDirectory=\(Self.escaped(project.files.root))
        ExecStart=\(words.map(Self.quoted).joined(separator: " "))
        Restart=on-failure
        RestartSec=5
        KillMode=process

        [Install]
        WantedBy=default.target

        """
    }

    /// The crontab of this user, with a line that decides once a minute.
    ///
    /// - Throws: ``Failure`` when a path cannot stand in a crontab, or the present crontab cannot be read.
    func crontab() throws -> [String] {
        let words = words + ["--once"]
        if let odd = words.first(where: { $0.contains("\n") }) {
            throw Failure("'\(odd)' cannot stand in a crontab, which has a command on one line")
        }
        let command = words.map { "'" + $0.replacing(scalar: "'", with: "'\\''") + "'" }.joined(separator: " ")
        // A percent sign begins the input of a command of cron.
        let line = "* * * * * " + command.replacing(scalar: "%", with: "\\%")
        return try Self.currentCrontab().filter { $0 != line } + [line]
    }

    private var words: [String] {
        [program, "schedule", "start", "--project", project.files.root, "--state", project.state.path]
    }

    /// The lines of the crontab as it is; none where there is no crontab.
    private static func currentCrontab() throws -> [String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["crontab", "-l"]
        let output = Pipe()
        process.standardOutput = output
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            // Status 127: there is no cron here. With any other trouble, what is printed would replace lines that were not read.
            if process.terminationStatus == 127 || said.contains("no crontab for") { return [] }
            throw Failure("the crontab of this user cannot be read: \(said.trimmed)", remedy: "see 'crontab -l'")
        }
        return String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init).reversed().drop { $0.isEmpty }.reversed()
    }

    private static func quoted(_ word: String) -> String {
        "\""
            + escaped(word).replacing(scalar: "\\", with: "\\\\").replacing(scalar: "\"", with: "\\\"").replacing(
                scalar: "$", with: "$$")
            + "\""
    }

    /// Systemd replaces what follows a percent sign.
    private static func escaped(_ text: String) -> String { text.replacing(scalar: "%", with: "%%") }
}
