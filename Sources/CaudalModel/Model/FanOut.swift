/// One attempt for each item of a list.
package struct FanOut: Sendable, Equatable {
    /// The sources of a variable's values.
    package enum Source: Sendable, Equatable {
        /// A list, whose texts may contain references.
        case values([Located<Template>])
        /// The first column of a query over datasets.
        case query(Query)
        /// The files that match a pattern, sorted.
        case files(Template)
        /// Every day from one date to another, both included.
        case days(from: Template, to: Template)
    }

    /// What happens to the other items when one fails.
    package enum OnFailure: String, Sendable, Codable, CaseIterable {
        /// They continue.
        case proceed = "continue"
        /// Those that have not started do not start.
        case stop
    }

    /// The variables and their sources, in file order; several variables give every combination.
    package var variables: [(name: String, source: Source)]
    /// The maximum number of items that run at once; nil leaves that to the run.
    package var maxParallel: Int?
    package var onFailure: OnFailure
    /// Whether each item sees only the input rows whose columns equal its variables.
    package var partitions: Bool
    /// Where the fan-out is defined.
    package var location: SourceLocation

    package init(
        variables: [(name: String, source: Source)], maxParallel: Int?, onFailure: OnFailure, partitions: Bool,
        location: SourceLocation
    ) {
        self.variables = variables
        self.maxParallel = maxParallel
        self.onFailure = onFailure
        self.partitions = partitions
        self.location = location
    }

    /// Its items where all variables are lists, which need no run to be known; empty otherwise.
    ///
    /// - Parameter fill: Fills in the references of a value.
    package func listedItems(_ fill: (Template) -> String) -> [Item] {
        var lists: [[String]] = [[]]
        for (_, source) in variables {
            guard case .values(let values) = source else { return [] }
            lists = lists.flatMap { list in values.map { list + [fill($0.value)] } }
        }
        return lists.map { list in
            Item(key: ItemKey(values: list), values: Dictionary(uniqueKeysWithValues: zip(variables.map(\.name), list)))
        }
    }

    package static func == (left: FanOut, right: FanOut) -> Bool {
        left.variables.elementsEqual(right.variables, by: ==) && left.maxParallel == right.maxParallel
            && left.onFailure == right.onFailure && left.partitions == right.partitions
            && left.location == right.location
    }
}

/// One element of a fan-out.
package struct Item: Sendable, Hashable, Codable {
    /// Its stable key.
    package var key: ItemKey
    /// The value of each variable; nil for a missing value.
    package var values: [String: String?]

    package init(key: ItemKey, values: [String: String?]) {
        self.key = key
        self.values = values
    }
}
