import CaudalModel

/// Which files Spark reads itself, and which are made into Parquet before.
extension DataSource {
    /// Whether it is Parquet whose columns are those of each file.
    var isReadBySpark: Bool {
        format == .parquet && table == nil && parts.isEmpty && recast.isEmpty && localTimes.isEmpty
            && folders == .ignored
    }

    /// Why its lines cannot be judged as a validate stage on Spark does it; nil where they can.
    func obstacleToLines(root: String) -> String? {
        let file = shownFiles(root: root).first ?? "'\(dataset)'"
        if table != nil || format != .csv || isOwn {
            return "a validate stage on Spark reads CSV files of others, and \(file) is none"
        }
        if Dataset.Format(path: file) == .xlsx {
            return "\(file) is no CSV file, which a validate stage on Spark reads"
        }
        if !copies.isEmpty || !lineFiles.isEmpty {
            return
                "\(file) has line breaks inside of values, blank lines or another encoding, and on Spark each line is a row"
        }
        if let key = csv.keyOfReading { return "a validate stage on Spark reads files without 'csv: {\(key): …}'" }
        if csv.nullTexts != [""] || csv.quote != "\"" || csv.escape != "\"" {
            return
                "a validate stage on Spark reads CSV with the usual quotation marks, where nothing stands for a missing value"
        }
        if (csv.delimiter ?? ",").unicodeScalars.count != 1 { return "on Spark, the separator is a single sign" }
        if columns.count == 1 { return "\(file) has a single column, of which a blank line may be a value" }
        return nil
    }
}
