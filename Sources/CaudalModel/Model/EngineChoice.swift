/// Which engine runs a data stage.
package enum EngineChoice: String, Sendable, Hashable, CaseIterable, Codable {
    /// DuckDB, on one machine.
    case duckdb
    /// Spark, on as many as its cluster has.
    case spark
    /// Spark for inputs above a size, DuckDB for others.
    case auto
}

/// How a pipeline reaches Spark.
package struct SparkSettings: Sendable, Hashable {
    /// The cluster that a session is opened on, such as `local[2]` or `spark://host:7077`.
    package var master: String
    /// The address of a Spark Connect server, such as `sc://host:15002`, in place of a session of its own.
    package var remote: String?
    /// Settings of the session by their names in Spark.
    package var settings: [String: String]
    /// How long a session may take to begin.
    package var start: Duration
    /// The size of the inputs from which on `engine: auto` takes Spark, in bytes.
    package var above: Int64

    package init(
        master: String = usualMaster, remote: String? = nil, settings: [String: String] = [:],
        start: Duration = usualStart, above: Int64 = usualAbove
    ) {
        self.master = master
        self.remote = remote
        self.settings = settings
        self.start = start
        self.above = above
    }

    package static let usualMaster = "local[*]"
    package static let usualStart = Duration.seconds(120)
    package static let usualAbove: Int64 = 200_000_000_000
}
