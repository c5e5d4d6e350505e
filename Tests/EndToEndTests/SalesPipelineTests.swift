import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

@Suite("The sales pipeline", .timeLimit(.minutes(15)))
struct SalesPipelineTests {
    @Test("It gives what going through the rows one by one gives, and every row is accounted for")
    func exactOutputs() async throws {
        let project = try CaudalProject()
        let answer = try await project.caudal("run", "config/pipeline_config.yaml", "--plain")
        #expect(answer.exit == .exited(0), "\(answer)")
        let expected = NaiveSales(
            sales: try project.read("data/raw/sales_data.csv"),
            catalog: try project.read("data/raw/product_catalog.csv"))
        #expect(try await orders(project, "data/outputs/sales_enriched.csv") == Set(expected.orders))
        let sum =
            "\(expected.orders.count) out + \(expected.duplicates) duplicates + \(expected.invalid.count) quarantined"
        #expect(answer.output.contains("1,000 rows in = \(sum)"), "\(answer)")
        let show = try await project.caudal("show", "last")
        #expect(show.output.contains("1,000 rows in = \(sum)"), "\(show)")

        let quarantined = try await project.query(
            "select distinct \"row\" from 'data/quarantine/sales_raw.csv' order by 1")
        #expect(quarantined == expected.invalid.map(String.init))
        #expect(
            project.files(in: "data/processed") == [
                "sales/region=center.parquet", "sales/region=east.parquet", "sales/region=north.parquet",
                "sales/region=south.parquet", "sales/region=west.parquet", "sales_valid.parquet",
            ])
        let reports = project.files(in: "data/outputs/reports")
        for ending in ["html", "md", "json"] {
            #expect(reports.contains("sales-latest.\(ending)"), "\(reports)")
            let report = try project.read("data/outputs/reports/sales-latest.\(ending)")
            #expect(report.contains("949"), "the report in \(ending) tells how many rows went out")
        }
    }

    @Test("Three plain orders come out with their totals and the catalog's names")
    func plainOrders() async throws {
        let project = try CaudalProject()
        let sales = """
            order_id,product_id,quantity,price,region,order_date
            O-001,P-100,2,10.5,north,2026-11-20T10:00:00Z
            O-002,P-999,,99.9,south,2026-11-21T11:30:00Z
            O-003,P-200,4,,east,2026-11-22T12:45:00Z
            O-001,P-100,7,10.5,north,2026-11-23T10:00:00Z

            """
        let catalog = "product_id,product_name,category\nP-100,Lamp,home\nP-200,Chair,office\n"
        try project.write("data/raw/sales_data.csv", sales)
        try project.write("data/raw/product_catalog.csv", catalog)
        let answer = try await project.caudal("run", "config/pipeline_config.yaml", "--plain")
        #expect(answer.exit == .exited(0), "\(answer)")
        #expect(
            try await project.query(
                "select order_id, quantity, price, total from 'data/processed/sales/*.parquet' order by 1") == [
                    "O-001|2|10.5|21.0", "O-002|0|99.9|0.0", "O-003|4|0.0|0.0",
                ])
        let expected = NaiveSales(sales: sales, catalog: catalog)
        #expect(try await orders(project, "data/outputs/sales_enriched.csv") == Set(expected.orders))
        #expect(Set(expected.orders.map(\.name)) == ["Lamp", "unknown", "Chair"])
    }

    @Test("The same input gives the same bytes, run after run")
    func determinism() async throws {
        let project = try CaudalProject()
        let run = ["run", "config/demo.yaml", "--plain", "--param", "rows=30000", "--select", "+enrich"]
        var seen: [String] = []
        for _ in 0..<2 {
            let answer = try await project.run(CaudalProject.program, run)
            #expect(answer.exit == .exited(0), "\(answer)")
            let show = try await project.caudal("show", "last")
            seen.append(show.lines.filter { $0.contains("xxh64") }.joined(separator: "\n"))
        }
        #expect(seen[0] == seen[1])
        #expect(seen[0].contains("sales_enriched.parquet"))
    }

    /// The orders of a file as a set, values as the naive program holds them.
    private func orders(_ project: CaudalProject, _ file: String) async throws -> Set<NaiveSales.Order> {
        let rows = try await project.query(
            """
            select order_id, product_id, quantity, price, region, order_date, total, product_name, category
            from read_csv('\(file)', all_varchar = true)
            """)
        return Set(
            rows.map { row in
                let cells = row.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
                return NaiveSales.Order(
                    id: cells[0], product: cells[1], quantity: Int(cells[2]) ?? -1, price: Double(cells[3]) ?? -1,
                    region: cells[4], date: cells[5], total: Double(cells[6]) ?? -1, name: cells[7],
                    category: cells[8])
            })
    }
}
