import CaudalModel
import Foundation

/// The time zones that the system knows, by their IANA names.
///
/// The system's tzdata comes first, since it is kept up to date; where there is none, as in small container images, zones come
/// from the data that the program itself carries.
package struct ZoneLibrary: Sendable {
    /// Where tzdata lies.
    private let folder: String

    package init(folder: String = "/usr/share/zoneinfo") { self.folder = folder }

    /// The zone of a name, or nil when there is none.
    package func zone(named name: String) -> ZoneRules? {
        guard Self.isName(name) else { return nil }
        // A name without a file is no fault of the system: it may have no tzdata, or the name is a slip.
        if let bytes = try? FileText.bytes("\(folder)/\(name)"), let zone = ZoneRules(name: name, file: bytes) {
            return zone
        }
        guard ["UTC", "GMT"].contains(name) || TimeZone.knownTimeZoneIdentifiers.contains(name) else { return nil }
        return TimeZone(identifier: name).map { Self.sampled($0, name) }
    }

    /// All names, in alphabetical order.
    package var names: [String] {
        guard let text = try? FileText.read("\(folder)/tzdata.zi") else {
            return TimeZone.knownTimeZoneIdentifiers.sorted()
        }
        var names: Set<String> = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "Z", words.count > 1 { names.insert(String(words[1])) }
            if words.first == "L", words.count > 2 { names.insert(String(words[2])) }
        }
        return names.filter { $0 != "Factory" }.sorted()
    }

    /// What to write instead of a name that is none: `did you mean 'Europe/Berlin'?`.
    package func remedy(for name: String) -> String {
        let usual = "write one such as UTC or Europe/Berlin"
        let names = names
        if let same = names.first(where: { $0.lowercased() == name.lowercased() }) { return "did you mean '\(same)'?" }
        // A city alone is what people try first.
        let asked = name.lowercased().replacing(scalar: " ", with: "_")
        if let city = names.first(where: { $0.lowercased().hasSuffix("/" + asked) }) {
            return "did you mean '\(city)'?"
        }
        guard let close = Suggestion.closest(to: name, among: names), name.count > 3 else { return usual }
        return "did you mean '\(close)'?"
    }

    /// Whether a text can be a zone's name; no other file is opened.
    private static func isName(_ text: String) -> Bool {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-+/".contains($0)) }
        let first = text.split(separator: "/", omittingEmptySubsequences: false).first ?? ""
        return isPlain && !first.isEmpty && !["posix", "right", "localtime", "posixrules", "Factory"].contains(first)
    }

    /// The changes of a zone between 1900 and 2200, found by asking day by day.
    private static func sampled(_ zone: TimeZone, _ name: String) -> ZoneRules {
        func offset(_ instant: Int64) -> Int64 {
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant))))
        }
        let (start, end): (Int64, Int64) = (-2_208_988_800, 7_258_118_400)
        let first = offset(start)
        var (before, changes) = (first, [(at: Int64, offset: Int64)]())
        for day in stride(from: start + 86_400, through: end, by: 86_400) {
            let after = offset(day)
            guard after != before else { continue }
            var (low, high) = (day - 86_400, day)
            while high - low > 1 {
                let middle = (low + high) / 2
                if offset(middle) == before { low = middle } else { high = middle }
            }
            changes.append((at: high, offset: after))
            before = after
        }
        return ZoneRules(name: name, first: first, changes: changes)
    }
}
