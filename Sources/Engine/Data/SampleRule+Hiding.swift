import CaudalModel

extension SampleRule {
    /// Whether values of rows stay out of messages.
    package var hidesValues: Bool { self != .all }

    /// The part of a check that is divided, as it is kept and told: where values are hidden, parts are told apart by a
    /// figure that is the same in every run.
    ///
    /// `isKey`: whether the column is one of those whose values tell which row it is.
    func part(_ value: String, of column: String, salt: String, isKey: Bool) -> String {
        guard hidesValues, !(self == .keys && isKey), !value.isEmpty else { return value }
        return "#" + ContentHash.of("\(salt)\n\(column)\n\(value)").suffix(10)
    }
}

extension Pipeline {
    /// Whether some stage keeps values of rows out of messages: then what is asked about data does so, too.
    package var hidesValues: Bool { samples.hidesValues || stages.contains { $0.samples?.hidesValues ?? false } }
}
