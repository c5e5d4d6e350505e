import Engine
import TestSupport
import Testing

@testable import App

@Suite("Names where there is little room", .timeLimit(.minutes(15)))
struct NameLabelsTests {
    private func labels(_ names: [String], _ width: Int) -> [String] {
        let labels = NameLabels(names)
        return names.indices.map { labels.label($0, width: width) }
    }

    /// The names that somebody could take a label for.
    static func read(_ label: String, among names: [String]) -> [String] {
        let parts = label.split(separator: "…", omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 1, let first = parts.first, let last = parts.last else {
            return names.filter { $0 == label }
        }
        return names.filter { name in
            guard name.count >= first.count + last.count, name.hasPrefix(first), name.hasSuffix(last) else {
                return false
            }
            var rest = name.dropFirst(first.count).dropLast(last.count)
            for part in parts.dropFirst().dropLast() where !part.isEmpty {
                guard let place = rest.firstRange(of: part) else { return false }
                rest = rest[place.upperBound...]
            }
            return true
        }
    }

    @Test("What fits stays as it is")
    func whole() {
        #expect(labels(["extract", "load"], 7) == ["extract", "load"])
    }

    @Test("What all names begin with goes first, then what several begin with, then the middle")
    func order() {
        #expect(labels(["acme_dw_orders", "acme_dw_customers"], 12) == ["…orders", "…customers"])
        #expect(
            labels(["stg_orders_daily", "stg_parts", "load"], 13) == [
                "…orders_daily", "stg_parts", "load",
            ])
        #expect(labels(["extraordinarily"], 9) == ["extr…rily"])
    }

    @Test("Names that differ only in the middle, or hardly, are told apart")
    func alike() {
        let names = (0..<12).map { "transform_of_the_orders_\($0)_into_the_warehouse_table" }
        let short = labels(names, 14)
        #expect(Set(short).count == 12, "\(short)")
        #expect(Set(labels(["aaaaaaaab", "aaaaaaaac", "aaaaaaaad"], 4)).count == 3)
    }

    @Test(
        "Labels of a thousand random names are never too wide, and each can only stand for its own name"
    )
    func random() {
        var generator = SplitMix64(seed: 5)
        let words = ["stg", "int", "orders", "customers", "daily", "eu", "us", "日本", "x"]
        for round in 0..<40 {
            let names = Set(
                (0..<25).map { _ in
                    (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                        words[Int.random(in: 0..<words.count, using: &generator)]
                    }.joined(separator: "_")
                }
            ).sorted()
            let width = Int.random(in: 5...20, using: &generator)
            let labels = labels(names, width)
            #expect(Set(labels).count == names.count, "round \(round): \(labels)")
            #expect(labels.allSatisfy { TextWidth.of($0) <= width }, "round \(round): \(labels)")
            for (name, label) in zip(names, labels) where !NameLabels.isNumbered(label) {
                #expect(Self.read(label, among: names) == [name], "round \(round): \(label) of \(names)")
            }
        }
    }

    @Test("A label stands for one stage of thousands, also where only some are on the screen")
    func thousands() {
        let names = (0..<5000).map {
            "mart_\(["orders", "payments", "sessions"][$0 % 3])_\($0)_\(["daily", "hourly"][$0 % 2])"
        }
        let labels = NameLabels(names)
        for index in stride(from: 0, to: names.count, by: 97) {
            for width in [10, 12, 16, 18] {
                let label = labels.label(index, width: width)
                #expect(TextWidth.of(label) <= width, "\(label)")
                // Where there is hardly any room, a number stands for what does not fit.
                if width < 18, NameLabels.isNumbered(label) { continue }
                #expect(Self.read(label, among: names) == [names[index]], "\(label)")
            }
        }
    }

    @Test("Where there is room, a label has more of the name: whole words, and then letters")
    func wide() {
        let names = ["stg_salesforce_accounts", "stg_stripe_payments", "int_daily", "mart_of_x"]
        #expect(labels(names, 20) == ["…salesforce_accounts", "stg_stripe_payments", "int_daily", "mart_of_x"])
        #expect(labels(names, 15).prefix(2) == ["…salesforce…", "…stripe…"])
        #expect(labels(["extraordinarily_long_names"], 20)[0].count >= 19)
    }

    @Test("What all names have in the middle goes before what tells them apart")
    func commonMiddle() {
        let names = ["src", "dim", "mart"].enumerated().flatMap { place, kind in
            (0..<10).map { "\(kind)_warehouse_model_0\(place)\($0)7_\($0 % 2 == 0 ? "orders" : "sessions")" }
        }
        let wide = labels(names, 22)
        #expect(wide.first == "src…0007_orders" && wide.last == "mart…0297_sessions", "\(wide)")
        let narrow = labels(names, 9)
        #expect(
            zip(names, narrow).allSatisfy { name, label in
                label.split(separator: "…").allSatisfy { name.contains($0) }
            }, "nothing in a label is not in its name: \(narrow)")
        #expect(Set(narrow).count == names.count)
    }
}
