import Engine
import Testing

@Suite("Memory for data stages", .timeLimit(.minutes(1))) struct MemoryShareTests {
    @Test(
        "A run stays small whatever its data, and what cannot may have what the machine has",
        arguments: [
            // machine and processors, attempts at once: usual and largest, in MB
            (24_000, 2, 1, 750, 19_200), (24_000, 2, 2, 750, 9600), (24_000, 2, 8, 500, 2400),
            (4000, 2, 1, 750, 3200), (4000, 4, 4, 1000, 1000), (256_000, 32, 4, 8000, 51_200), (1000, 1, 1, 400, 1000),
        ] as [(Int64, Int, Int, Int64, Int64)])
    func shares(machine: Int64, processors: Int, attempts: Int, usual: Int64, largest: Int64) {
        let share = MemoryShare(machine: machine * 1_000_000, processors: processors, attempts: attempts)
        #expect(share.usual == usual * 1_000_000)
        #expect(share.larger == [min(2000, largest) * 1_000_000, largest * 1_000_000])
    }
}
