/// The memory that an attempt of a data stage gets unless its stage says otherwise, in bytes.
package struct MemoryShare: Sendable, Hashable {
    /// What it begins with: more than that waits on the disk.
    package let usual: Int64
    /// What it gets when its work cannot be done with less, and then when it cannot be done with that either.
    package let larger: [Int64]

    /// - Parameters:
    ///   - machine: The machine's memory in bytes; nil where it is not known.
    ///   - processors: How many threads work for an attempt: each has buffers of its own.
    ///   - attempts: The maximum number of attempts at once.
    package init(machine: Int64?, processors: Int, attempts: Int) {
        let machine = machine ?? 4_000_000_000
        let attempts = Int64(max(1, attempts))
        let largest = max(1_000_000_000, machine / 5 * 4 / attempts)
        let least = max(400_000_000, 250_000_000 * Int64(processors))
        // Waiting on the disk costs little: an attempt alone takes no more than it needs to work in peace.
        usual = min(largest, max(least, min(750_000_000, min(2_000_000_000, machine / 4) / attempts)))
        larger = [min(largest, 2_000_000_000), largest]
    }
}
