import CaudalModel
import Foundation

/// A job as the driver gets it: statements with what is to be done with each.
struct SparkJob: Encodable {
    struct Statement: Encodable {
        var `do`: String
        var sql: String?
        var name: String?
        var path: String?
        /// The same place for reading, where signs of patterns mean themselves.
        var glob: String?
        var kind: String?
        var columns: [String]?
        var if_missing: Bool?
        var essential: Bool
    }

    /// A file that is read, with the types that its columns may have.
    struct Source: Encodable {
        struct Field: Encodable {
            var name: String
            var type: String
            var types: [String]
        }

        var path: String
        var shown: String
        var columns: [Field]
    }

    var title: String
    /// Settings on which results depend.
    var settings = Self.settings
    /// Those of the user, for sessions of a Connect server; a session of our own has begun with them.
    var user: [String: String]
    var variables: [String]
    var sources: [Source]
    var statements: [Statement]

    /// What makes Spark's answers those of DuckDB, whatever the cluster's own settings are.
    static let settings = [
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.caseSensitive": "false",
        "spark.sql.variable.substitute": "false",
        "spark.sql.decimalOperations.allowPrecisionLoss": "false",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
        "spark.sql.files.ignoreCorruptFiles": "false",
        "spark.sql.files.ignoreMissingFiles": "false",
        "spark.sql.parser.escapedStringLiterals": "false",
        // The blocks of a file are the same in every scan, however many workers are alive.
        "spark.sql.files.minPartitionNum": "64",
    ]

    init(_ job: SQLJob, settings: [String: String], root: String) {
        let sql = SparkDialect()
        title = job.script.title
        user = settings
        variables = job.script.variables.map { sql.declaration(of: $0.reference, $0.value, $0.type) }
        sources = job.sources.filter(\.isReadBySpark).flatMap { source in
            zip(source.files, source.shownFiles(root: root)).map { file, shown in
                Source(
                    path: SparkDialect.exactly(file), shown: shown,
                    columns: source.columns.map {
                        .init(name: $0.name, type: $0.type.description, types: SparkDialect.fileTypes($0.type))
                    })
            }
        }
        statements = job.script.statements.enumerated().map { index, statement in
            Self.statement(statement.kind, index, job, isEssential: index < job.essentialStatements)
        }
    }

    private static func statement(
        _ kind: SQLScript.Kind, _ index: Int, _ job: SQLJob, isEssential: Bool
    ) -> Statement {
        let sql = SparkDialect()
        var made = Statement(do: "rows", sql: sql.query(of: kind), essential: isEssential)
        switch kind {
        case .run: made.do = "run"
        case .lines, .ownLines, .measure: break
        case .columns(of: _, as: let kind): (made.do, made.kind) = ("columns", kind.rawValue)
        case .write(let query, to: let file):
            (made.do, made.sql, made.path, made.glob) = ("write", query, file.path, SparkDialect.exactly(file.path))
        case .table(let query, as: let name, ifMissing: let ifMissing):
            let path = "\(job.workFolder)/.caudal-tables/\(index + 1)"
            (made.do, made.sql, made.name, made.if_missing) = ("table", query, name, ifMissing)
            (made.path, made.glob) = (path, SparkDialect.exactly(path))
        case .view(let query, as: let name, isNew: _): (made.do, made.sql, made.name) = ("view", query, sql.name(name))
        case .dropTable(let name): (made.do, made.name) = ("drop", name)
        case .note(let value, as: let name): (made.do, made.sql, made.name) = ("note", value, sql.name(name))
        case .expect(let columns, of: let query):
            (made.do, made.sql, made.columns) = ("expect", query, columns.map(\.name))
        }
        return made
    }
}
