/// Every engine that can run data stages.
package enum SQLEngines {
    /// The list to which a new engine is added.
    package static let all: [any SQLEngine.Type] = [DuckDBEngine.self, SparkEngine.self]

    /// The one that runs the stages with ``EngineChoice/spark``.
    package static var spark: any SQLEngine.Type { SparkEngine.self }

    /// The one that runs them where nothing else is said.
    package static var standard: any SQLEngine.Type { all[0] }
}
