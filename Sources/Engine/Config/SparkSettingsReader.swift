import CaudalModel

/// Reads `engine`, `spark` and `spark_above`: which engine runs data stages, and how Spark is reached.
enum SparkSettingsReader {
    static func read(_ parent: inout MappingReader) -> SparkSettings {
        var settings = SparkSettings()
        settings.above = parent.size("spark_above") ?? settings.above
        guard var reader = parent.mapping("spark", subject: "'spark'", kind: "spark") else { return settings }
        let master = reader.text("master")
        settings.master = master?.value ?? settings.master
        if let remote = reader.text("remote") {
            if !remote.value.hasPrefix("sc://") {
                reader.problems.report(
                    "'remote' must be the address of a Spark Connect server, not '\(remote.value)'",
                    remedy: "write it as sc://HOST:15002, or give a cluster with 'master'", at: remote.location)
            } else if remote.value.contains("token=") {
                reader.problems.report(
                    "a token must not be written in the file",
                    remedy: "leave 'remote' out, and set the variable SPARK_REMOTE to the whole address",
                    at: remote.location)
            }
            if let master {
                reader.problems.report(
                    "'master' and 'remote' exclude each other: a Connect server has its own cluster",
                    remedy: "remove one of them", at: master.location)
            }
            settings.remote = remote.value
        }
        settings.start = reader.duration("start", isPositive: true) ?? settings.start
        // Their names have points.
        for entry in reader.node("conf")?.entries ?? [] {
            guard case .scalar(let text, _) = entry.value.content else {
                reader.problems.report("a setting must be text, not \(entry.value.kindName)", at: entry.value.location)
                continue
            }
            if let reason = owned[entry.key.value] {
                reader.problems.report(
                    "'\(entry.key.value)' is set by caudal: \(reason)", remedy: "remove it", at: entry.key.location)
            }
            settings.settings[entry.key.value] = text
        }
        reader.finish()
        return settings
    }

    /// Settings that decide results, which are the same on every cluster.
    private static let owned = [
        "spark.sql.ansi.enabled": "results must not depend on it",
        "spark.sql.session.timeZone": "times are in UTC",
        "spark.sql.ansi.doubleQuotedIdentifiers": "names are in quotation marks, as in DuckDB's SQL",
        "spark.sql.caseSensitive": "results must not depend on it",
        "spark.sql.decimalOperations.allowPrecisionLoss": "results must not depend on it",
        "spark.sql.parquet.outputTimestampType": "results must not depend on it",
        "spark.master": "write it as 'master'",
    ]

    /// Gives each stage its engine: its own, else that of the pipeline for stages that it can run.
    ///
    /// - Parameter usual: What the pipeline says.
    static func engine(
        of definition: any StageDefinition, _ reader: inout MappingReader, usual: EngineChoice?
    ) -> EngineChoice {
        let own = reader.choice("engine", as: EngineChoice.self)
        if let own, own != .duckdb, !definition.runsOnSpark {
            reader.problems.report(
                "a stage of type \(definition.typeName) does not run on Spark",
                remedy: "remove 'engine'; stages of the types validate, process, enrich, sql and check can",
                at: reader.location(of: "engine"))
        }
        return own ?? (definition.runsOnSpark ? usual : nil) ?? .duckdb
    }
}
