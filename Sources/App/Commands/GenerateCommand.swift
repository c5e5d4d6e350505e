import CaudalModel
import ArgumentParser
import Engine
import Foundation

/// `caudal generate`: sample data for trying pipelines.
struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Generate sample data; the same options and seed give the same bytes.",
        subcommands: [GenerateSalesCommand.self, GenerateCatalogCommand.self])
}

/// `caudal generate sales`: sample orders with realistic flaws.
struct GenerateSalesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sales",
        abstract: "Generate orders with realistic flaws: duplicates, and missing, malformed and unknown values.")

    @Option(help: "Number of rows.")
    var rows: Int64 = 1_000_000

    @Option(help: "Seed of the random values.")
    var seed: UInt32 = 1

    @Option(help: "Number of regions: north, south, east, west, center, then region-06, region-07, …")
    var regions: Int = 5

    @Option(help: "Number of products in the catalog.")
    var products: Int = 500

    @Option(help: "Factor for the number of flaws: 1 is about 3 in 100 rows, 2 is twice as many, 0 is none.")
    var flaws: Double = 1

    @Option(help: "The day of the last order.")
    var until: String = "2026-11-22"

    @Option(name: .shortAndLong, help: "The CSV file to write.")
    var output: String = "data/raw/sales_generated.csv"

    @Option(help: "Also write the product catalog to this CSV file.")
    var catalog: String?

    func validate() throws {
        if !(1...10_000_000_000).contains(rows) { throw ValidationError("--rows must be from 1 to 10,000,000,000") }
        if !(1...10_000).contains(regions) { throw ValidationError("--regions must be from 1 to 10,000") }
        if !(1...1_000_000).contains(products) { throw ValidationError("--products must be from 1 to 1,000,000") }
        if !(0...20).contains(flaws) { throw ValidationError("--flaws must be from 0 to 20") }
        if UTC.milliseconds(ofDate: until) == nil { throw ValidationError("--until must be a date such as 2026-11-22") }
    }

    func run() async throws {
        try await Output.reporting { try await write() }
    }

    private func write() async throws {
        let data = SalesData(
            rows: rows, seed: seed, regions: regions, products: products, flaws: flaws,
            until: UTC.milliseconds(ofDate: until) ?? 0)
        try await GeneratedFiles(paths: [output] + (catalog.map { [$0] } ?? [])).write { staged in
            data.script(orders: staged[0], catalog: staged.count > 1 ? staged[1] : nil)
        }
    }
}

/// `caudal generate catalog`: the products that the generated orders refer to.
struct GenerateCatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Generate the catalog of the products that generated orders refer to.")

    @Option(help: "Number of products in the catalog.")
    var products: Int = 500

    @Option(name: .shortAndLong, help: "The CSV file to write.")
    var output: String = "data/raw/catalog_generated.csv"

    func validate() throws {
        if !(1...1_000_000).contains(products) { throw ValidationError("--products must be from 1 to 1,000,000") }
    }

    func run() async throws {
        try await Output.reporting {
            try await GeneratedFiles(paths: [output]).write { SalesData.catalogScript(products: products, to: $0[0]) }
        }
    }
}

/// Writes generated files with DuckDB: each next to its target first, then moved into place whole.
struct GeneratedFiles {
    /// The paths as the user named them.
    let paths: [String]

    /// Writes the files; `script` returns the SQL that writes the staged paths.
    func write(_ script: ([String]) -> SQLScript) async throws {
        let variables = ProcessInfo.processInfo.environment
        let current = FileManager.default.currentDirectoryPath
        let targets = paths.map { PathText.absolute($0, in: current) }
        let outputs = targets.map { StagedOutput(dataset: nil, staged: $0 + ".caudal-writing", target: $0) }
        try Publisher.prepare(outputs)
        let work = try TemporaryFolders.make("caudal-generate")
        defer { TemporaryFolders.remove(work) }

        let reactor = ProcessReactor()
        let engine = SQLEngines.standard
        let program = try await engine.locate(root: current, variables: variables, cache: work, reactor: reactor)
        let surroundings = EngineSurroundings(
            root: current, variables: variables, reactor: reactor, masker: SecretMasker(secrets: [])
        ) { program }
        let script = script(outputs.map(\.staged))
        let isStage = variables["CAUDAL_ATTEMPT"] != nil
        let log = AttemptLog(
            writer: nil, pipeline: "", run: "generate", unit: nil, attempt: nil, masker: SecretMasker(secrets: []),
            now: { SystemClock.now })
        let control = AttemptControl(
            unit: UnitID("generate"), number: 1, run: "generate", log: log,
            onProgress: { progress in
                // As a command stage, it reports progress with the escape sequence for terminals (OSC 9;4).
                guard isStage, let fraction = progress.fraction else { return }
                Output.write("\u{1b}]9;4;1;\(Int(fraction * 100))\u{07}\n", to: STDOUT_FILENO)
            })
        let interruption = Interruption { control.requestStop(.cancelled) }
        let job = SQLJob(
            script: script, essentialStatements: script.statements.count, scriptFile: work + "/generate.sql",
            workFolder: work, files: [], folders: Set(targets.map(PathText.folder)).sorted(), threads: nil,
            memory: Int64(Double(MachineResources.total.memory ?? 4_000_000_000) * 0.6))
        let execution = await engine.init(surroundings).execute(job, for: control)
        if let failure = execution.failure {
            for output in outputs { unlink(output.staged) }
            if interruption.wasInterrupted { throw ExitStatus.interrupted.code }
            throw failure
        }
        try Publisher.carryOut(try Publisher.plan(outputs))
        for path in targets {
            Output.line("\(PathText.relative(path, to: current)): \((FileText.size(path) ?? 0).shortBytes)")
        }
    }
}

/// The SQL that generates orders: each value depends on the row number and the seed alone, whatever the threads do.
struct SalesData {
    let rows: Int64
    let seed: UInt32
    let regions: Int
    let products: Int
    let flaws: Double
    /// The last day, in milliseconds since 1970.
    let until: Int64

    /// The script that writes a catalog with this number of products.
    static func catalogScript(products: Int, to path: String) -> SQLScript {
        var script = SQLScript(title: "a catalog of \(products.counted("product"))")
        addCatalog(products, path, to: &script)
        return script
    }

    private static func addCatalog(_ products: Int, _ path: String, to script: inout SQLScript) {
        script.add(
            "write the catalog", weight: 0.2,
            .write(catalogQuery(products), to: SQLScript.OutputFile(path, .csv)))
    }

    func script(orders: String, catalog: String?) -> SQLScript {
        var script = SQLScript(title: "\(rows.grouped) orders from seed \(seed)")
        script.add("number the rows", weight: 1, "CREATE TEMP TABLE numbers AS SELECT i FROM range(\(rows)) AS n(i)")
        script.add(
            "write the orders", weight: 20,
            .write(query, to: SQLScript.OutputFile(orders, .csv)))
        if let catalog { Self.addCatalog(products, catalog, to: &script) }
        return script
    }

    /// SQL for a pseudo-random number below `limit`, from the row number and a number for what it decides.
    private func chance(_ what: Int, _ limit: Int) -> String { "hash(i, \(seed), \(what)) % \(limit)" }

    /// SQL for a condition that holds for about this many of a hundred thousand rows.
    private func happens(_ what: Int, _ perHundredThousand: Double) -> String {
        "\(chance(what, 100_000)) < \(Int(min(50_000, perHundredThousand * flaws)))"
    }

    private var regionSQL: String {
        let names = ["north", "south", "east", "west", "center"]
        let known = names.prefix(regions).enumerated().map { "WHEN \($0.offset) THEN '\($0.element)'" }.joined(
            separator: " ")
        return
            "CASE \(chance(3, regions)) \(known) ELSE 'region-' || lpad(CAST(\(chance(3, regions)) + 1 AS VARCHAR), 2, '0') END"
    }

    /// A duplicate follows a few rows after its original, in the same region but with another quantity.
    private var query: String {
        let start = UTC.iso(until - 29 * 86_400_000).prefix(10)
        let perSecond = max(1, rows / (30 * 86_400))
        let step = max(1, 30 * 86_400 / max(1, rows))
        let moment = "TIMESTAMP '\(start) 00:00:00' + to_seconds(CAST(i // \(perSecond) * \(step) AS BIGINT))"
        return """
            WITH rows AS (
              SELECT i AS place,
                     CASE WHEN i > 50 AND \(happens(1, 1000)) THEN i - 1 - CAST(\(chance(2, 50)) AS BIGINT) ELSE i END AS i
              FROM numbers
            )
            SELECT 'O-' || lpad(CAST(i + 1 AS VARCHAR), 9, '0') AS order_id,
                   CASE WHEN \(happens(4, 100)) THEN 'P-9999'
                        ELSE 'P-' || lpad(CAST(\(chance(5, products)) + 1 AS VARCHAR), 4, '0') END AS product_id,
                   CASE WHEN \(happens(6, 500)) THEN NULL
                        WHEN \(happens(7, 200)) THEN 'two'
                        WHEN \(happens(8, 100)) THEN '-1'
                        ELSE CAST(\(chance(9, 20)) + 1 + (place - i) % 3 AS VARCHAR) END AS quantity,
                   CASE WHEN \(happens(10, 500)) THEN NULL
                        WHEN \(happens(11, 100)) THEN 'n/a'
                        WHEN \(happens(12, 100)) THEN '-9.99'
                        ELSE CAST(CAST((\(chance(13, 100_000)) + 99) / 100 AS DECIMAL(12,2)) AS VARCHAR) END AS price,
                   \(regionSQL) AS region,
                   CASE WHEN \(happens(14, 50)) THEN '2026-13-45'
                        ELSE strftime(\(moment), '%Y-%m-%dT%H:%M:%SZ') END AS order_date
            FROM rows
            """
    }

    private static func catalogQuery(_ products: Int) -> String {
        """
        SELECT 'P-' || lpad(CAST(i + 1 AS VARCHAR), 4, '0') AS product_id,
               list_element(['Amber','Basalt','Cedar','Delta','Ember','Fjord','Grove','Harbor','Inlet','Juniper'],
                            CAST(hash(i, 17) % 10 AS INTEGER) + 1) || ' '
                 || list_element(['Lamp','Kettle','Chair','Desk','Mug','Clock','Shelf','Rug','Vase','Tray'],
                                 CAST(hash(i, 18) % 10 AS INTEGER) + 1) || ' ' || CAST(i + 1 AS VARCHAR) AS product_name,
               list_element(['home','kitchen','office','garden'], CAST(hash(i, 19) % 4 AS INTEGER) + 1) AS category
        FROM range(\(products)) AS n(i)
        """
    }
}
