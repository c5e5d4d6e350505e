import CaudalModel
import Foundation
import TestSupport
import Testing

@Suite(
    "Caudal in a container", .timeLimit(.minutes(5)),
    .enabled(if: ContainerBench.absence == nil, "\(ContainerBench.absence ?? "")"))
struct ImageTests {
    @Test("The sales pipeline runs in the image, with a root that nobody writes to")
    func salesPipeline() async throws {
        let bench = try ContainerBench.shared()
        let image = try bench.caudal(CaudalProject.program)
        let project = try CaudalProject()
        let ran = bench.run([
            "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network",
            "none", "--user", "\(geteuid()):\(getegid())", "--volume", "\(project.folder.path):/project", image, "run",
            "config/pipeline_config.yaml", "--plain", "--param", "day=2026-11-23",
        ])
        #expect(ran.status == 0, "\(ran.text)")
        #expect(project.exists("data/outputs"))
        // It runs as its own user unless it is told another.
        #expect(bench.run(["--network", "none", "--entrypoint", "id", image, "-u"]).text.trimmed == "10001")
    }
}
