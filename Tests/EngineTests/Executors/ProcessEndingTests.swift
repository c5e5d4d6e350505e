import CaudalModel
import Engine
import Foundation
import Testing
import TestSupport

@Suite("How processes are ended", .timeLimit(.minutes(15)))
struct ProcessEndingTests {
    @Test("A program that is asked to end says its last words, and they are kept")
    func lastWords() async throws {
        let trial = try AttemptTrial()
        async let execution = trial.shell(
            "trap 'echo saving; sleep 0.1; echo saved >&2; exit 7' TERM; \(AttemptTrial.ready); for i in $(seq 1200); do sleep 0.05; done"
        )
        await trial.isReady()
        trial.control.requestStop(.cancelled)
        let ended = await execution
        #expect(ended.exit == .exited(7))
        #expect(trial.lines().last == "saving")
        #expect(trial.lines(.stderr).last == "saved")
        #expect(ended.failure?.message == "exit status 7: saved")
    }

    @Test("A program that is asked to end and ends well has not succeeded: how much it has done is not known")
    func politeEnd() async throws {
        let trial = try AttemptTrial()
        async let execution = trial.shell(
            "trap 'exit 0' TERM; \(AttemptTrial.ready); for i in $(seq 1200); do sleep 0.05; done")
        await trial.isReady()
        trial.control.requestStop(.cancelled)
        let ended = await execution
        #expect(ended.exit == .exited(0))
        #expect(ended.failure?.message == "it ended with exit status 0 because it was asked to stop")
    }

    @Test("A program that ignores SIGTERM is killed after its grace, and what it said meanwhile is kept")
    func ignoresTerminate() async throws {
        let trial = try AttemptTrial(grace: .milliseconds(300))
        // Without another program in its condition: one that is ended by the signal would end the loop.
        async let execution = trial.shell(
            "trap 'echo no' TERM; \(AttemptTrial.ready); i=0; while [ $i -lt 1200 ]; do i=$((i+1)); sleep 0.05; done")
        await trial.isReady()
        let asked = SystemClock.now
        trial.control.requestStop(.timedOut)
        let ended = await execution
        #expect(SystemClock.now.since(asked) >= .milliseconds(300))
        #expect(ended.exit == .signaled(SIGKILL))
        #expect(ended.failure?.message.hasSuffix("after it did not end when asked to") == true)
        #expect(trial.lines() == ["no"])
    }

    @Test("A program that is suspended can be stopped")
    func suspended() async throws {
        let trial = try AttemptTrial()
        async let execution = trial.shell("\(AttemptTrial.ready); kill -STOP $$; echo awake")
        await trial.isReady()
        trial.control.requestStop(.cancelled)
        #expect(await execution.exit == .signaled(SIGTERM))
    }

    @Test("A whole tree that ignores SIGTERM is gone after a stop")
    func stubbornTree() async throws {
        let trial = try AttemptTrial(grace: .milliseconds(200))
        async let execution = trial.shell(
            """
            (trap '' TERM; sh -c 'echo $$ > inner; trap "" TERM; for i in $(seq 60); do sleep 1; done' & sleep 100) &
            while [ ! -s inner ]; do sleep 0.01; done
            \(AttemptTrial.ready); wait
            """)
        await trial.isReady()
        trial.control.requestStop(.cancelled)
        let ended = await execution
        // The first process ends when it is asked to; those that do not are killed.
        #expect(ended.exit == .signaled(SIGTERM))
        let inner = try #require(Int32(trial.folder.text("inner").trimmed))
        #expect(!ProcessWatch.isAlive(inner))
    }

    @Test("What a program leaves running in its group is ended and named, and the attempt succeeds")
    func leftBehind() async throws {
        let trial = try AttemptTrial()
        // Each has its own name only once it is more than a copy of the shell.
        let named = "until grep -q sleep /proc/$!/comm; do :; done"
        let execution = await trial.shell(
            "sleep 1000 & echo $! > left; \(named); sleep 1001 > /dev/null 2>&1 & \(named); exit 0")
        #expect(execution.failure == nil)
        let left = try #require(Int32(trial.folder.text("left").trimmed))
        #expect(!ProcessWatch.isAlive(left))
        let note = try #require(trial.records.first { $0.stream == .engine })
        #expect(note.level == .warn)
        #expect(note.message.contains("sleep (\(left))"))
        #expect(note.message.components(separatedBy: "sleep (").count == 3)
    }

    @Test("A grandchild that floods the output after its parent ended does not hold the attempt")
    func floodingGrandchild() async throws {
        let trial = try AttemptTrial()
        // It has its own name only once it is more than a copy of the shell.
        let execution = await trial.shell(
            "yes \(String(repeating: "x", count: 500)) & until grep -q yes /proc/$!/comm; do :; done; exit 5")
        #expect(execution.exit == .exited(5))
        #expect(trial.records.contains { $0.stream == .engine && $0.message.contains("yes (") })
    }

    @Test("A grandchild in a session of its own is found, named and ended, though it holds the outputs")
    func escapee() async throws {
        let trial = try AttemptTrial()
        let execution = await trial.shell(
            "(setsid sh -c 'echo $$ > escaped; exec sleep 100' &) ; while [ ! -s escaped ]; do sleep 0.01; done; exit 6"
        )
        #expect(execution.exit == .exited(6))
        let escaped = try #require(Int32(trial.folder.text("escaped").trimmed))
        #expect(!ProcessWatch.isAlive(escaped))
        let note = try #require(trial.records.first { $0.stream == .engine })
        #expect(note.message.contains("(\(escaped), in a session of its own)"))
    }

    @Test("A grandchild in a session of its own is ended by a stop too")
    func escapeeAtStop() async throws {
        let trial = try AttemptTrial(grace: .milliseconds(200))
        async let execution = trial.shell(
            """
            (setsid sh -c 'trap "" TERM; echo $$ > escaped; exec sleep 100' > /dev/null 2>&1 &)
            while [ ! -s escaped ]; do sleep 0.01; done
            \(AttemptTrial.ready); sleep 1000
            """)
        await trial.isReady()
        trial.control.requestStop(.cancelled)
        #expect(await execution.exit == .signaled(SIGTERM))
        let escaped = try #require(Int32(trial.folder.text("escaped").trimmed))
        #expect(!ProcessWatch.isAlive(escaped))
    }

    @Test("The escapee of one attempt is not ended by the end of another")
    func escapeesAreToldApart() async throws {
        let reactor = ProcessReactor()
        let first = try AttemptTrial()
        let second = try AttemptTrial()
        async let execution = first.shell(
            """
            (setsid sh -c 'echo $$ > escaped; exec sleep 100' &) ; while [ ! -s escaped ]; do sleep 0.01; done
            \(AttemptTrial.ready); while [ ! -e go ]; do sleep 0.01; done
            """, reactor: reactor)
        await first.isReady()
        _ = await second.shell("true", reactor: reactor)
        let escaped = try #require(Int32(first.folder.text("escaped").trimmed))
        #expect(ProcessWatch.isAlive(escaped))
        try first.folder.write("", to: "go")
        _ = await execution
        #expect(!ProcessWatch.isAlive(escaped))
    }

    @Test("An orphan that wiped its environment is ended too")
    func wipedEnvironment() async {
        // In a process of its own: such an orphan is taken for the child of the only attempt there is.
        await #expect(processExitsWith: .success) {
            let trial = try AttemptTrial()
            let execution = await trial.shell(
                """
                (env -i setsid /bin/sh -c 'echo $$ > escaped; exec /bin/sleep 1000' &)
                while [ ! -s escaped ]; do sleep 0.01; done
                """)
            #expect(execution.failure == nil)
            let escaped = try #require(Int32(trial.folder.text("escaped").trimmed))
            #expect(!ProcessWatch.isAlive(escaped))
        }
    }

    @Test("Hundreds of children in a row leave no descriptor and no zombie behind")
    func leaks() async {
        // In a process of its own, where nothing else opens files or starts children.
        await #expect(processExitsWith: .success) {
            let reactor = ProcessReactor()
            func round(_ count: Int, odd: Int) async throws {
                let trial = try AttemptTrial()
                for _ in 0..<count { #expect(await trial.run(["/bin/true"], reactor: reactor).failure == nil) }
                // Those that leave orphans, cannot be started or are stopped have descriptors to lose too.
                for _ in 0..<odd {
                    #expect(await trial.shell("sleep 1000 & exit 0", reactor: reactor).failure == nil)
                    #expect(await trial.run(["/nowhere"], reactor: reactor).failure != nil)
                    let stopped = try AttemptTrial()
                    stopped.control.requestStop(.cancelled)
                    #expect(await stopped.run(["/bin/sleep", "9"], reactor: reactor).exit == .signaled(SIGTERM))
                }
            }
            try await round(20, odd: 1)
            let before = ProcessWatch.openDescriptors.count
            try await round(600, odd: 8)
            // A thread of the runtime that has begun meanwhile may have one or two, and each child that loses one has eight.
            let after = ProcessWatch.openDescriptors.count
            #expect(abs(after - before) < 8, "\(before) descriptors were open before, and \(after) are")
            #expect(ProcessWatch.zombies.isEmpty)
        }
    }

    @Test("A reactor that goes away with its work done leaves nothing behind")
    func reactorEnds() async {
        await #expect(processExitsWith: .success) {
            for _ in 0..<3 { _ = try await AttemptTrial().run(["/bin/true"]) }
            let before = ProcessWatch.openDescriptors.count
            for _ in 0..<50 { _ = try await AttemptTrial().run(["/bin/true"]) }
            // Its threads may still be on their way out; were they to stay, the time limit would end this.
            while ProcessWatch.openDescriptors.count > before { await Task.yield() }
        }
    }
}
