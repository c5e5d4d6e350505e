import CaudalModel

/// What an output has already.
extension Watermark {
    /// Where the rows begin that are new to an output.
    ///
    /// - Throws: ``Failure`` when the output cannot be read, or nothing could ever be newer.
    package func start(in existing: DataSource, _ tools: DataTools, root: String) async throws -> WatermarkStart? {
        guard let column = existing.columns.first(where: { $0.name == self.column.value }) else { return nil }
        let sql = tools.sql
        let greatest = "max(\(sql.name(column.name)))"
        var start = greatest
        switch lookback?.value {
        case .time(let time): start = sql.cast(sql.earlier(greatest, by: time), to: column.type)
        case .number(let number):
            // The column may have a type of few bits, or none below zero.
            let wide = column.type == .integer ? sql.cast(greatest, to: .integer) : greatest
            start = "\(wide) - \(number)"
        case nil: break
        }
        var script = SQLScript(title: "what '\(existing.dataset)' has already")
        script.add(
            "find the greatest value of \(column.name)",
            .lines(
                .mark,
                "\(sql.cast(greatest, to: .text)) AS greatest, \(sql.cast(start, to: .text)) AS start\n"
                    + "FROM \(existing.fromClause(sql))"))
        let answer = try await tools.ask(script, reading: existing.files).rows(.mark, as: Answer.self).first
        guard let found = answer?.greatest, let from = answer?.start else { return nil }
        if ["nan", "inf", "infinity"].contains(found.lowercased()) {
            throw Failure(
                "the greatest value of '\(column.name)' in \(existing.shownFiles(root: root).joined(separator: ", ")) is \(found), "
                    + "and nothing is ever newer",
                remedy: "correct it where it comes from, and run once with --full-refresh",
                location: self.column.location)
        }
        let form = column.type == .text ? TextForm(of: found) : nil
        if column.type == .text, form == nil {
            throw Failure(
                "'\(column.name)' is text, and its greatest value '\(found.shortened(to: 60))' may not be its newest: texts are compared "
                    + "sign by sign, so that 10 is not newer than 9, and 31.01. is newer than 01.02.",
                remedy:
                    "make a number, a date or a time of it in a stage before this one, with a step 'cast', and run once with "
                    + "--full-refresh",
                location: self.column.location)
        }
        return WatermarkStart(column: column, greatest: found, start: from, form: form, late: late)
    }

    private struct Answer: Decodable {
        var greatest: String?
        var start: String?
    }
}
