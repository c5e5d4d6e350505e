import Foundation

/// What the sales pipeline must give, found by going through the rows one by one.
struct NaiveSales {
    /// One order as the pipeline's end has it.
    struct Order: Hashable {
        var id: String
        var product: String
        var quantity: Int
        var price: Double
        var region: String
        var date: String
        var total: Double
        var name: String
        var category: String
    }

    private(set) var orders: [Order] = []
    private(set) var duplicates = 0
    /// Numbers of the invalid rows, from 1, in the file's order.
    private(set) var invalid: [Int] = []
    private(set) var rowCount = 0

    /// Reads files without quotes.
    init(sales: String, catalog: String) {
        var products: [String: (name: String, category: String)] = [:]
        for line in catalog.split(separator: "\n").dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            products[cells[0]] = (cells[1], cells[2])
        }
        var seen = Set<String>()
        for (index, line) in sales.split(separator: "\n").dropFirst().enumerated() {
            rowCount += 1
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let (quantity, price) = (Self.quantity(cells[2]), Self.price(cells[3]))
            guard !cells[0].isEmpty, !cells[1].isEmpty, let quantity, let price, Self.isDate(cells[5]) else {
                invalid.append(index + 1)
                continue
            }
            guard seen.insert(cells[0]).inserted else {
                duplicates += 1
                continue
            }
            let product = products[cells[1]] ?? ("unknown", "unknown")
            orders.append(
                Order(
                    id: cells[0], product: cells[1], quantity: quantity, price: price, region: cells[4],
                    date: cells[5], total: Double(quantity) * price, name: product.name, category: product.category))
        }
    }

    /// A whole number from 0 on; a missing one counts as 0, anything else is invalid.
    private static func quantity(_ text: String) -> Int? {
        if text.isEmpty { return 0 }
        return Int(text).flatMap { $0 >= 0 ? $0 : nil }
    }

    private static func price(_ text: String) -> Double? {
        if text.isEmpty { return 0 }
        return Double(text).flatMap { $0 >= 0 ? $0 : nil }
    }

    private static func isDate(_ text: String) -> Bool {
        let parts = text.prefix(10).split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, (1...12).contains(parts[1]) else { return false }
        return (1...31).contains(parts[2])
    }
}
