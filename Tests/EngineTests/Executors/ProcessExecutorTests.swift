import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

@Suite("The process executor", .timeLimit(.minutes(15)))
struct ProcessExecutorTests {
    @Test("A command's exit status is the attempt's, with its last words as the reason")
    func exitStatus() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell("echo loading; echo 'no such table: sales' >&2; exit 3")
        #expect(execution.exit == .exited(3))
        #expect(execution.failure?.message == "exit status 3: no such table: sales")
        #expect(Set(execution.lastLines) == ["loading", "no such table: sales"])
    }

    @Test("A line that calls itself an error tells why better than the last one")
    func tellingLine() async throws {
        let execution = try await AttemptTrial().shell("echo 'ERROR disk is full'; echo 'cleaning up'; exit 1")
        #expect(execution.failure?.message == "exit status 1: ERROR disk is full")
    }

    @Test(
        "An earlier line of the level error tells why where the last one is of another level",
        arguments: [
            ("INFO shutting down", "ERROR no record 612"), ("ValueError: 3", "ValueError: 3"),
            ("ERROR no table", "ERROR no table"),
        ])
    func earlierLine(last: String, cause: String) async throws {
        let many = "echo 'ERROR no record 612'; for i in $(seq 40); do echo \"INFO worker $i ends\"; done"
        let execution = try await AttemptTrial().shell("\(many); echo '\(last)'; exit 1")
        #expect(execution.failure?.message == "exit status 1: \(cause)")
    }

    @Test("A command that is killed says so in words")
    func killed() async throws {
        let execution = try await AttemptTrial().shell("kill -9 $$")
        #expect(execution.exit == .signaled(9))
        let message = try #require(execution.failure?.message)
        #expect(message.hasPrefix("killed by signal 9 (KILL, often out of memory)"))
    }

    @Test("A crash is told by its signal", arguments: [("SEGV", 11), ("ABRT", 6), ("PIPE", 13)])
    func crash(name: String, number: Int32) async throws {
        let execution = try await AttemptTrial().shell("kill -\(name) $$")
        #expect(execution.exit == .signaled(number))
        #expect(execution.failure?.message == "killed by signal \(number) (\(name))")
    }

    @Test("Variables that are laid over inherited ones hide those and no others")
    func overlaidVariables() async throws {
        let trial = try AttemptTrial()
        let inherited = Dictionary(uniqueKeysWithValues: (0..<40).map { ("V\($0)", "inherited") })
        let executor = CommandRunner(
            ProcessExecutor(ProgramHost(reactor: ProcessReactor(), folder: trial.folder.path, environment: inherited)))
        let own = ["V7": "own", "V8": "own", "W": "own"]
        _ = await executor.execute(CommandWork(arguments: ["/usr/bin/env"], environment: own), for: trial.control)
        let found = trial.lines().filter { $0.hasPrefix("V") || $0.hasPrefix("W") }
        #expect(found.sorted() == inherited.merging(own) { $1 }.map { "\($0)=\($1)" }.sorted())
    }

    @Test("A process that has just begun is known as the kernel knows it")
    func startOfProcess() async throws {
        let reactor = ProcessReactor()
        for _ in 0..<50 {
            let launch = ProcessLaunch(
                program: "/bin/sleep", arguments: ["1000"], variables: [:], folder: "/", marker: "test/start")
            let child = try await reactor.start(launch) { _, _ in }
            #expect(child.identity == ProcessTable.identity(of: child.identity.pid))
            child.stop()
            _ = await child.exit()
        }
    }

    @Test("A name that PATH does not have is said to be missing, with PATH")
    func notOnPath() async throws {
        let execution = try await AttemptTrial().run(["no-such-tool-here"])
        let failure = try #require(execution.failure)
        #expect(failure.message == "the command 'no-such-tool-here' is not on PATH")
        #expect(failure.remedy?.contains("/usr/bin") == true)
    }

    @Test("A file without the right to be run says how to give it")
    func notExecutable() async throws {
        let trial = try AttemptTrial()
        let path = try trial.folder.write("#!/bin/sh\nexit 0\n", to: "tool.sh", permissions: 0o644)
        let failure = try #require(await trial.run([path]).failure)
        #expect(failure.description == "tool.sh is not executable; make it executable: chmod +x tool.sh")
    }

    @Test("A script without a first line that names its interpreter, or with a wrong one, is explained")
    func badScripts() async throws {
        let trial = try AttemptTrial()
        let plain = try trial.folder.write("exit 0\n", to: "plain", permissions: 0o755)
        #expect(await trial.run([plain]).failure?.message == "plain is no program")
        let windows = try trial.folder.write("#!/bin/sh\r\nexit 0\r\n", to: "windows", permissions: 0o755)
        let failure = try #require(await trial.run([windows]).failure)
        #expect(failure.message == "windows cannot be run: the interpreter in its first line does not exist")
        #expect(failure.remedy?.contains("line ends") == true)
    }

    @Test("A program that somebody writes cannot be run, and says so; one that was just written can")
    func openForWriting() async throws {
        let trial = try AttemptTrial()
        let path = try trial.folder.write("#!/bin/sh\n", to: "tool", permissions: 0o755)
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        let failure = try #require(await trial.run([path]).failure)
        #expect(failure.message == "tool is open for writing")
        close(descriptor)
        #expect(await trial.run([path]).failure == nil)
    }

    @Test("A working folder that is gone is named, not the program")
    func missingFolder() async throws {
        let failure = try #require(await AttemptTrial().run(["/bin/true"], in: "/nowhere/at/all").failure)
        #expect(failure.message == "the folder /nowhere/at/all is not there")
    }

    @Test("Arguments and variables that no program can take are an error, not a crash")
    func tooLong() async throws {
        let long = String(repeating: "x", count: 3 << 20)
        let byArgument = try await AttemptTrial().run(["/bin/true", long])
        #expect(byArgument.failure?.message == "the arguments and variables of /bin/true are too long")
        let byVariable = try await AttemptTrial().run(["/bin/true"], environment: ["LONG": long])
        #expect(byVariable.failure?.message == "the arguments and variables of /bin/true are too long")
    }

    @Test("An argument or a variable with a NUL, which would be cut there, is refused")
    func nulByte() async throws {
        let byArgument = try await AttemptTrial().run(["/bin/echo", "rm -rf a\0b"])
        #expect(byArgument.failure?.message == "an argument of /bin/echo holds a NUL character")
        let byVariable = try await AttemptTrial().run(["/bin/echo"], environment: ["X": "a\0b"])
        #expect(byVariable.failure?.message == "the variable X of /bin/echo holds a NUL character")
    }

    @Test("When no more files can be opened, an attempt fails clearly and the next one works again")
    func tooManyFiles() async {
        await #expect(processExitsWith: .success) {
            let trial = try AttemptTrial()
            let reactor = ProcessReactor()
            _ = await trial.run(["/bin/true"], reactor: reactor)
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var taken: [Int32] = []
            while case let descriptor = dup(0), descriptor >= 0 { taken.append(descriptor) }
            let failure = await trial.run(["/bin/true"], reactor: reactor).failure
            for descriptor in taken { close(descriptor) }
            #expect(failure?.message == "no pipe for /bin/true: Too many open files")
            #expect(failure?.remedy?.contains("ulimit") == true)
            #expect(await trial.run(["/bin/true"], reactor: reactor).failure == nil)
        }
    }

    @Test("A large environment that fits arrives whole, odd characters and all")
    func largeEnvironment() async throws {
        var variables: [String: String] = [:]
        for number in 0..<2000 { variables["VARIABLE_\(number)"] = String(repeating: "v", count: 100) }
        variables["ODD"] = "a b\t'\"$(date)`\\é"
        let trial = try AttemptTrial()
        let execution = await trial.shell(#"printf '%s\n' "$ODD"; env | grep -c ^VARIABLE_"#, environment: variables)
        #expect(execution.failure == nil)
        #expect(trial.lines() == ["a b\t'\"$(date)`\\é", "2000"])
    }

    @Test("A command knows its run, stage and attempt, and nothing of our environment")
    func variables() async throws {
        let trial = try AttemptTrial(number: 2)
        let execution = await trial.shell("echo $CAUDAL_RUN_ID $CAUDAL_STAGE $CAUDAL_ATTEMPT; env | grep -c ^HOME=")
        #expect(execution.exit == .exited(1))
        #expect(trial.lines() == ["\(trial.control.run) stage 2", "0"])
    }

    @Test("Standard input is closed: a program that reads it ends at once")
    func standardInput() async throws {
        let execution = try await AttemptTrial().run(["cat"])
        #expect(execution.failure == nil)
    }

    @Test("A child has no descriptors but its three")
    func descriptors() async throws {
        let trial = try AttemptTrial()
        _ = await trial.shell("exec ls /proc/self/fd")
        // ls itself opens the folder it lists.
        #expect(trial.lines() == ["0", "1", "2", "3"])
    }

    @Test("Processor time is recorded")
    func usage() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
        let usage = try #require(execution.usage)
        #expect(usage.user > .milliseconds(20))
    }

    @Test("Progress comes from OSC 9;4, clamped, and its lines stay out of the log")
    func oscProgress() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell(
            #"printf '\033]9;4;1;25\033\\\n'; echo text; printf '\033]9;4;1;50\007more\n'; printf '\033]9;4;1;900\007\n'"#
        )
        #expect(execution.failure == nil)
        #expect(trial.progress.compactMap(\.fraction).last == 1)
        #expect(trial.lines().count == 2)
        #expect(trial.lines().first == "text")
    }

    @Test("Progress comes from the stage's pattern, as a percentage or as done of total")
    func patternProgress() async throws {
        let percent = try AttemptTrial()
        _ = await percent.shell("echo 'copied 40% of it'", progress: #"(\d+)%"#)
        #expect(percent.progress == [StageProgress(fraction: 0.4)])
        let none = try AttemptTrial()
        _ = await none.shell("echo 'copied nan% of it'; printf '\\033]9;4;1;nan\\007\\n'", progress: #"copied (\S+)%"#)
        #expect(none.progress.isEmpty)
        let counted = try AttemptTrial()
        _ = await counted.shell("echo 'file 3 of 4'; echo 'file 0 of 0'", progress: #"file (\d+) of (\d+)"#)
        #expect(counted.progress == [StageProgress(fraction: 0.75)])
    }

    @Test("A progress bar of carriage returns is one line, and its figures count")
    func progressBar() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell(
            #"for i in 10 20 30; do printf 'at %d%%\r' $i; done; printf 'all done\n'; printf 'dos\r\n'"#,
            progress: #"at (\d+)%"#)
        #expect(execution.failure == nil)
        #expect(trial.lines() == ["all done", "dos"])
        #expect(trial.progress.last == StageProgress(fraction: 0.3))
    }

    @Test("Secrets are masked in the log, in the last lines and in the reason of a failure")
    func secrets() async throws {
        let trial = try AttemptTrial(secrets: ["hunter2-secret", "it's \"quoted\""])
        let execution = await trial.shell(
            #"echo "password is hunter2-secret"; echo "it's \"quoted\"" >&2; echo "login hunter2-secret refused" >&2; exit 1"#
        )
        #expect(trial.lines() == ["password is ••••"])
        #expect(trial.lines(.stderr) == ["••••", "login •••• refused"])
        #expect(!execution.lastLines.joined().contains("hunter2"))
        #expect(!execution.lastLines.joined().contains("quoted"))
        #expect(execution.failure?.message == "exit status 1: login •••• refused")
    }

    @Test("A secret at the end of what is kept of a long line is masked whole")
    func secretAtTheCut() async throws {
        let trial = try AttemptTrial(secrets: ["hunter2-secret"])
        let execution = await trial.shell("head -c 495 /dev/zero | tr '\\0' x; echo hunter2-secret; exit 1")
        #expect(!execution.lastLines.joined().contains("hunte"))
    }
}
