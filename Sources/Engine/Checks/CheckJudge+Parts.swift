import CaudalModel

/// Checks that are judged for each part of the data.
extension CheckJudge {
    /// The results of a divided check: one for each part in the data, and for each expected part that is missing.
    ///
    /// - Parameter index: Its position in the list of checks.
    func parts(of check: Check, _ index: Int, _ readings: DataReadings) throws -> [CheckResult] {
        let rows = readings.rows(.part).filter { $0.integer("check") == Int64(index) }
        if rows.count > CheckCompiler.partLimit {
            let limit = Int64(CheckCompiler.partLimit).grouped
            return [check.result(.error, "'\(check.partitionBy ?? "")' has more than \(limit) values", now: now)]
        }
        let samples = samples(index, readings)
        var results: [CheckResult] = []
        for row in rows {
            let column = check.partitionBy ?? ""
            // Rows without a value and those with an empty text are two parts.
            let value = row.text("part").map { $0.isEmpty ? "''" : $0 } ?? ""
            let part = "\(column)=\(nameOfPart(column, value))"
            var result = try judge(
                check, part: part, measure: row.fields[CheckCompiler.measureName(index)],
                total: row.fields[CheckCompiler.totalName(index)]?.number ?? 0)
            result.partition = part
            result.samples = samples[row.text("part").map(ExactText.init)] ?? []
            results.append(result)
        }
        results += try missingParts(of: check, present: Set(results.compactMap { $0.partition.map(ExactText.init) }))
        guard results.isEmpty else { return results }
        // Without rows there are no parts: what is asked of a part is asked of the whole.
        let whole = readings.rows(.parts).first { $0.integer("check") == Int64(index) }
        return [
            try judge(
                check, measure: whole?.fields[CheckCompiler.measureName(index)],
                total: whole?.fields[CheckCompiler.totalName(index)]?.number ?? 0)
        ]
    }

    /// The results for parts that earlier runs had and this one lacks: they have no rows.
    private func missingParts(of check: Check, present: Set<ExactText>) throws -> [CheckResult] {
        guard let runs = check.kind.runsOfParts, let column = check.partitionBy else { return [] }
        let missing = try history.parts(of: check.id, stage: stage, runs: runs)
            .filter { $0.text.utf8.starts(with: "\(column)=".utf8) && !present.contains($0) }.map(\.text)
        return try missing.sorted().prefix(CheckCompiler.partLimit).map { part in
            var result = try judge(check, part: part, measure: .number(0), total: 0)
            result.partition = part
            let value = String(decoding: part.utf8.dropFirst(column.utf8.count + 1), as: UTF8.self)
            result.message = "'\(value)' is missing, which earlier runs had: \(result.message)"
            return result
        }
    }
}
