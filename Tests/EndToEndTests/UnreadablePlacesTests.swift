import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// Places and machines that do not give what is asked of them: a run says which, and works on no part of its input.
@Suite("Places that cannot be looked at", .timeLimit(.minutes(15)))
struct UnreadablePlacesTests {
    /// A pipeline that reads the files of a pattern.
    private func project(_ pattern: String, _ more: String = "") throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: places
            datasets: {i: {path: "\(pattern)"}, o: {path: out/o.csv}}
            stages:
              a: {type: sql, output: o, query: "select * from i"}
              \(more)
            """)
        return project
    }

    @Test("A folder of a pattern that may not be looked into is named, and nothing is made of the others")
    func forbidden() async throws {
        for (pattern, closed, mode) in [
            ("e/*/a.csv", "e/2", 0o000), ("e/2/*.csv", "e/2", 0o311), ("e/*/*.csv", "e/2", 0o000),
        ] {
            let project = try project(
                pattern, "f: {type: command, foreach: {f: {files: \"\(pattern)\"}}, run: echo}")
            try project.write("e/1/a.csv", "x\n1\n")
            try project.write("e/2/a.csv", "x\n2\n")
            // An administrator may look into everything.
            let isRoot = getuid() == 0
            let opened = try await project.run("/bin/chmod", ["-R", "a+rwX", "."])
            #expect(opened.status == 0, "\(opened)")
            chmod(project.folder.path(closed), mode_t(mode))
            defer { chmod(project.folder.path(closed), 0o755) }
            if isRoot { chown(project.folder.path(closed), 0, 0) }
            if isRoot { for name in ["", "/e"] { chown(project.folder.path + name, 65534, 65534) } }
            for verb in [["validate", "p.yaml"], ["run", "p.yaml", "--plain"]] {
                let answer =
                    isRoot
                    ? try await project.run(
                        "/usr/bin/setpriv", ["--reuid", "65534", "--clear-groups", CaudalProject.program] + verb)
                    : try await project.caudal(verb)
                #expect(answer.status != 0, "\(pattern): \(answer)")
                #expect(
                    answer.description.contains("which files are in the folder \(project.folder.path(closed))"),
                    "\(pattern): \(answer)")
            }
            #expect(!project.exists("out/o.csv"))
        }
    }

    @Test("A file of a pattern whose name is not UTF-8 is told, and not passed over")
    func notUnicode() async throws {
        let project = try project("d/*.csv")
        try project.write("d/a.csv", "x\n1\n")
        _ = try await project.run("/bin/sh", ["-c", #"printf 'x\n2\n' > "$(printf 'd/caf\351.csv')""#])
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status != 0 && answer.description.contains("is not UTF-8"), "\(answer)")
    }

    @Test("A machine that takes what ssh says and never answers is given up after its silence")
    func deafMachine() async throws {
        let project = try CaudalProject(copying: [])
        try project.write("bin/ssh", "#!/bin/sh\nexec cat > /dev/null\n")
        chmod(project.folder.path("bin/ssh"), 0o755)
        try project.write(
            "p.yaml",
            """
            version: 1
            name: deaf
            targets: {there: {type: ssh, hosts: [far], silence: 2s}}
            stages: {a: {type: command, run_on: there, run: echo done}}
            """)
        let path = project.folder.path("bin") + ":/usr/local/bin:/usr/bin:/bin"
        let answer = try await project.caudal("run", "p.yaml", "--plain", variables: ["PATH": path])
        #expect(answer.status == 1, "\(answer)")
        #expect(answer.output.contains("far cannot be reached: it did not begin within 2.0s"), "\(answer)")
        #expect(try await project.caudal("logs").output.contains("far has not begun what ssh asked of it"))
    }

    @Test(
        "Without the kernel's list of processes nothing is run, and that is said",
        .enabled(if: SmallDisk.isPossible, "changing what is mounted needs the administrator's rights"))
    func noProc() async throws {
        let project = try project("i.csv")
        let answer = try await project.run(
            "/usr/bin/unshare",
            [
                "-m", "sh", "-c", "umount -l /proc; exec \"$0\" \"$@\"", CaudalProject.program, "run", "p.yaml",
                "--plain",
            ])
        #expect(answer.status == 1 && answer.errors.contains("/proc"), "\(answer)")
        #expect(answer.output.isEmpty, "\(answer)")
    }

    @Test(
        "What keeps caudal from working at all is named before anything begins",
        arguments: [
            ("umask 777", "the umask 777"),
            ("mkdir gone && cd gone && rmdir ../gone", "the current folder cannot be found"),
            (#"d=$(printf 'caf\351') && mkdir "$d" && cd "$d""#, "the path of the current folder is not UTF-8"),
            ("ulimit -f 0", "no file of more than 0 bytes"),
            ("ulimit -s 64", "too little stack"),
            ("export TMPDIR=/nowhere", "where TMPDIR says that passing files go"),
            (
                #"d=$(printf 'a\nb') && mkdir "$d" && cp p.yaml "$d" && cd "$d""#,
                "the path of the project holds a line break"
            ),
        ])
    func surroundings(before: String, words: String) async throws {
        let project = try project("i.csv")
        try project.write("i.csv", "x\n1\n")
        let answer = try await project.run(
            "/bin/sh", ["-c", before + #" && exec "$0" run p.yaml --plain"#, CaudalProject.program])
        #expect(answer.status != 0 && answer.status != nil, "\(answer)")
        #expect(answer.errors.contains(words), "\(answer)")
        #expect(!project.exists("out/o.csv"))
    }

    @Test("A file of variables may begin with a mark of its encoding")
    func markOfEncoding() async throws {
        let project = try project("${env.A1}.csv")
        try project.write(".env", "\u{FEFF}A1=i\n")
        try project.write("i.csv", "x\n1\n")
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 0, "\(answer)")
    }
}
