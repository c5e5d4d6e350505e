import Synchronization

/// The last value that was computed, kept as long as what it depends on stays the same.
///
/// A frame asks for the same value several times, and most frames for that of the frame before.
final class Remembered<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let kept = Mutex<(key: Key, value: Value)?>(nil)

    func value(for key: Key, _ make: () -> Value) -> Value {
        if let known = kept.withLock({ $0?.key == key ? $0?.value : nil }) { return known }
        let value = make()
        kept.withLock { $0 = (key, value) }
        return value
    }
}
