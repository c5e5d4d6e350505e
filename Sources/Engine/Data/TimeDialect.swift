package import CaudalModel

/// How an engine writes points in time and days, and what it makes of texts that name them.
///
/// An engine's plain cast to a timestamp drops an offset without a word, and its cast to a date everything behind the
/// day. Every text that becomes a time becomes one here: an offset counts, and a day is the day in UTC.
package protocol TimeDialect: Sendable {
    /// The zone of times that name no offset; nil takes them as UTC.
    var zone: String? { get }
    /// The point in time in UTC that a text names; null where it names none.
    ///
    /// A text without an offset is a time of the dialect's zone.
    /// `isStrict`: whether the statement fails instead where the text names none.
    func moment(_ text: String, isStrict: Bool) -> String
    /// The day in UTC that a text names, be it a date or a point in time; null where it names none.
    ///
    /// `isStrict`: whether the statement fails instead where the text names none.
    func day(_ text: String, isStrict: Bool) -> String
    /// A date and time of RFC 3339 in UTC, to the microsecond; a leap second is the second after it.
    func moment(ofRFC3339 text: String) -> String
    /// A time without an offset that a column has, as the point in time that it is in a zone.
    func moment(ofLocal value: String, zone: String) -> String
    /// A point in time that is written in the pipeline file.
    func literal(moment: String) -> String
    /// What lies behind every point in time.
    var endOfTime: String { get }
    /// True for a text that names a time with an offset.
    func namesOffset(_ text: String) -> String
    /// True for a time that names an offset, for points in time, and for one that names none, for local times.
    func isKind(_ text: String, _ type: ColumnType) -> String
    /// Whether a point in time is the first of its day.
    func isMidnight(_ moment: String) -> String
    /// A time or a date that lies before another one.
    func earlier(_ value: String, by time: Duration) -> String
    /// A point in time as a number: seconds since 1970.
    func seconds(_ moment: String) -> String
    /// A time as files of text have it, such as `2026-11-23T06:00:00Z`; a local time without the zone.
    func writtenTime(_ value: String, as type: ColumnType) -> String
    /// A point in time, or a local time where `isLocal` is true, as files of text have it.
    func writtenTime(_ value: String, isLocal: String) -> String
    /// An element of a list of columns in which a point in time has the engine's type of times with a zone.
    func zoned(_ column: Column) -> String
    /// A value of a query as the text of an item: of times with a zone, the point in time as files of text have it.
    func itemText(_ value: String) -> String
    /// The type of times with a zone, as the engine calls it.
    var zonedType: ColumnType { get }
    /// The statement that tells of columns of texts whether times among the first rows name an offset, and whether some name
    /// none.
    ///
    /// `limit`: how many rows are looked at; nil means all.
    func offsets(of columns: [String], in relation: String, limit: Int?) -> SQLScript.Kind
}

extension SQLDialect {
    /// The point in time in UTC that a text names; null where it names none.
    func moment(_ text: String) -> String { moment(text, isStrict: false) }

    /// The day in UTC that a text names; null where it names none.
    func day(_ text: String) -> String { day(text, isStrict: false) }

    /// The time that a text names, as the type that all of its column have; null where it names none.
    ///
    /// `type`: a point in time, for which a text has to name its offset or the dialect a zone, or a local time, for which
    /// it must not name one.
    func time(_ text: String, as type: ColumnType) -> String {
        let moment = moment(text)
        return zone != nil ? moment : "CASE WHEN \(isKind(text, type)) THEN \(moment) END"
    }

    /// The same where the statement fails for a text that names no such time.
    ///
    /// `column`: whose text it is, in words.
    /// `refusal`: SQL that fails the statement for what is no time at all.
    func refusing(_ text: String, as type: ColumnType, of column: String, otherwise refusal: String) -> String {
        let time = time(text, as: type)
        guard zone == nil else { return "coalesce(\(time), CASE WHEN \(text) IS NOT NULL THEN \(refusal) END)" }
        let fault =
            type == .timestamp
            ? "names no offset from UTC, and others name one" : "names an offset from UTC, and others name none"
        let other = self.refusal([
            .words("\(column) has the time '"), .value(text),
            .words("', which \(fault); say with 'timezone' of the dataset of which zone times without an offset are"),
        ])
        return "coalesce(\(time), CASE WHEN \(text) IS NULL THEN NULL WHEN (\(moment(text))) IS NULL "
            + "THEN \(refusal) ELSE \(other) END)"
    }
}

extension ColumnType {
    /// Whether values of two types can be compared as keys; beside a text, the other type decides.
    func isComparable(with other: ColumnType) -> Bool {
        if self == other || isNumeric && other.isNumeric || self == .text || other == .text { return true }
        // Local times count as UTC where they are compared.
        return isTime && other.isTime && self != .date && other != .date
    }
}
