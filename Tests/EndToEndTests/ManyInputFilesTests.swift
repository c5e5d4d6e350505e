import TestSupport
import Testing

/// Commands whose input has more files than a variable can name.
@Suite("Commands with very many input files", .timeLimit(.minutes(15)))
struct ManyInputFilesTests {
    private static let count = 1500

    /// A command that reads a pattern with so many files, whose names are long.
    private func project(_ run: String, count: Int = count) throws -> CaudalProject {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            """
            version: 1
            name: many
            datasets: {parts: {path: "in/*.csv"}, told: {path: told.txt, format: csv}}
            stages:
              tell:
                type: command
                inputs: [parts]
                output: told
                run: \(run)
            """)
        for index in 0..<count {
            try project.write("in/\(String(repeating: "x", count: 100))-\(1000 + index).csv", "n\n\(index)\n")
        }
        return project
    }

    @Test("The list of the files is in a file, and the variable is not there rather than cut")
    func list() async throws {
        let project = try project(
            #"'cat $(head -1 "$CAUDAL_LIST_PARTS") > $CAUDAL_OUTPUT; wc -l < "$CAUDAL_LIST_PARTS" >> $CAUDAL_OUTPUT; echo "${CAUDAL_INPUT_PARTS-none}" >> $CAUDAL_OUTPUT'"#
        )
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(project.text("told.txt") == "n\n0\n\(Self.count)\nnone\n")
    }

    @Test("With few files there are both")
    func few() async throws {
        let project = try project(
            #"'cat $CAUDAL_INPUT_PARTS > $CAUDAL_OUTPUT; cat $(cat "$CAUDAL_LIST_PARTS") >> $CAUDAL_OUTPUT'"#, count: 2)
        let run = try await project.caudal("run", "p.yaml", "--plain")
        #expect(run.status == 0, "\(run)")
        #expect(project.text("told.txt") == "n\n0\nn\n1\nn\n0\nn\n1\n")
    }

    @Test(
        "A command that does not read the list fails before it begins, as a loop over nothing would succeed",
        arguments: [
            "'touch begun; for f in $CAUDAL_INPUT_PARTS; do cat $f; done > $CAUDAL_OUTPUT'",
            "'touch begun; sh tell.sh'", "'touch begun; cat ${input.parts} > $CAUDAL_OUTPUT'",
            #"["sh", "-c", "touch begun; cat \"$CAUDAL_LIST_PARTS\" > $CAUDAL_OUTPUT", "${input.parts}"]"#,
        ])
    func refused(run: String) async throws {
        let project = try project(run)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1 && !project.exists("begun") && !project.exists("told.txt"), "\(answer)")
        #expect(
            answer.output.contains("the paths of the 1,500 files of 'parts' are")
                && answer.output.contains("let 'run' read them from the file $CAUDAL_LIST_PARTS"), "\(answer)")
    }
}
