import Engine

/// Random choices from a seed.
package struct Chance {
    private var generator: SplitMix64

    package init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// A whole number from `range`.
    package mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(generator.next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    /// True in `percent` of a hundred cases.
    package mutating func happens(_ percent: Int) -> Bool { number(0...99) < percent }

    /// One of `values`, which must not be empty.
    package mutating func pick<Value>(_ values: [Value]) -> Value { values[number(0...(values.count - 1))] }

    /// A seed for choices that must not depend on those made here.
    package mutating func fork() -> Chance { Chance(seed: generator.next()) }
}
