import Engine
import Foundation
import TestSupport
import Testing

@Suite("Samples of wide tables", .timeLimit(.minutes(15)), .enabled(if: Checkout.runsDuckDBTests))
struct SampleColumnsTests {
    @Test("A check by a query shows the columns first that the query names")
    func query() async throws {
        let project = try CaudalProject(copying: [])
        let names = (1...40).map { "c\($0)" }
        try project.write(
            "in.csv", names.joined(separator: ",") + "\n" + names.map { "v\($0)" }.joined(separator: ",") + "\n")
        try project.write(
            "p.yaml",
            """
            version: 1
            name: wide
            datasets: {in: {path: in.csv}}
            stages: {look: {type: check, input: in, checks: [{id: odd, sql: "select * from input where c33 = 'vc33'"}]}}
            """)
        let answer = try await project.caudal("run", "p.yaml", "--plain")
        #expect(answer.status == 1, "\(answer)")
        let shown = try await project.caudal("show", "last")
        #expect(shown.output.contains("c33=vc33  c1=vc1"), "\(shown)")
    }
}
