import CaudalModel

extension TableReader {
    /// The recorded loads of a table, oldest first; empty when none are recorded.
    func loads(of dataset: Dataset) async throws(Failure) -> [RecordedLoad] {
        guard let table = dataset.table else { return [] }
        let link = try link(of: table)
        if let path = link.path, !FileText.exists(path) { return [] }
        if link.kind.isOnlyRead { return [] }
        if let objects = objects(link) {
            return table.isPattern ? [] : [try await objects.load(of: table.name)].compactMap { $0 }
        }
        var script = SQLScript(title: "who loaded \(table)")
        script.add(
            "see whether loads are recorded", link.existsQuery(link.parts(of: table).schema, LoadRecord.table))
        // This statement fails if there is no such table, which the previous statement has reported.
        script.add("list the loads of the table", RecordedLoad.query(of: table, link))
        let readings: DataReadings
        do throws(Failure) {
            readings = try await tools.ask(
                script, reading: [], essential: 1, attachment: try await tools.attachment(of: link, isReadOnly: true))
        } catch {
            throw Failure(
                "the loads of '\(table.name)' cannot be read (connection '\(link.name)', \(link.place)): \(error.message)",
                remedy: error.remedy, location: dataset.placeLocation)
        }
        guard readings.rows(.exists, as: Existence.self).contains(where: \.there) else { return [] }
        guard let loads = RecordedLoad.loads(readings) else {
            throw Failure(
                "'\(LoadRecord.table)' in \(link.place) could not be read, so it is not known which run loaded the rows of '\(table.name)'",
                remedy: "check that this user may read it", location: link.location)
        }
        return loads
    }
}
