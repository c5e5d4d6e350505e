import Testing

@Suite("Explaining a stage", .timeLimit(.minutes(15)))
struct ExplainTests {
    @Test("A report says which files it writes")
    func report() async throws {
        let project = try CaudalProject(copying: [])
        try project.write(
            "p.yaml",
            "version: 1\nname: p\nstages:\n  tell: {type: report, formats: [html], output_dir: out}\n")
        let answer = try await project.caudal("explain", "p.yaml", "tell")
        #expect(answer.status == 0, "\(answer)")
        #expect(answer.output.contains("report of the run"))
        #expect(answer.output.contains("out/p-RUN.html"))
    }
}
