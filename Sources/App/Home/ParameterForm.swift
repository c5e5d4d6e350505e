import CaudalModel
import Engine
import Foundation

/// The values that an operator types for the parameters of a run, each with the default at first.
struct ParameterForm {
    struct Field {
        let parameter: Parameter
        /// Whether the value is not shown.
        let isSecret: Bool
        /// What is typed.
        var text: String

        /// What the screen shows of it.
        var shown: String { isSecret ? String(repeating: "•", count: text.count) : text }

        /// What the parameter takes: `date`, `eu, us`.
        var hint: String {
            if case .choice(let values) = parameter.kind { return values.joined(separator: ", ") }
            return parameter.kind.name
        }
    }

    private(set) var fields: [Field]
    /// The field that keys go to; nil for the answers below.
    private(set) var place: Int?
    /// The pipeline's time zone, in which a run takes `today`.
    private let zone: TimeZone

    /// - Parameters:
    ///   - parameters: In the order of the file.
    ///   - zone: The pipeline's time zone.
    init(_ parameters: [Parameter], secrets: SecretNames = SecretNames(), zone: TimeZone) {
        self.zone = zone
        fields = parameters.map {
            Field(parameter: $0, isSecret: secrets.isSecret($0.name), text: $0.defaultValue ?? "")
        }
        // What must be typed comes first; where nothing must, the answers do.
        place = fields.firstIndex { $0.parameter.defaultValue == nil }
    }

    /// What is wrong with a field; nil for a value that fits.
    func fault(of index: Int, now: Moment) -> String? {
        let field = fields[index]
        if field.text.isEmpty {
            if field.parameter.defaultValue == nil { return "a value is needed" }
            if field.parameter.kind == .string { return nil }
        }
        guard case .failure(let fault) = field.parameter.value(of: field.text, now: now, in: zone) else { return nil }
        return fault.message
    }

    /// The first field whose value does not fit.
    func firstFault(now: Moment) -> (place: Int, text: String)? {
        for index in fields.indices {
            if let fault = fault(of: index, now: now) { return (index, "\(fields[index].parameter.name): \(fault)") }
        }
        return nil
    }

    /// The values that differ from the defaults, as `name=value`.
    var arguments: [String] {
        fields.filter { $0.text != $0.parameter.defaultValue }.map { "\($0.parameter.name)=\($0.text)" }
    }

    /// The values as a run records them: dates such as `today` as what they are now, secrets hidden.
    func recorded(now: Moment) -> [String: String] {
        let values = fields.map { field -> (String, String) in
            if field.isSecret { return (field.parameter.name, SecretNames.replacement) }
            return (
                field.parameter.name,
                (try? field.parameter.value(of: field.text, now: now, in: zone).get()) ?? field.text
            )
        }
        return Dictionary(values, uniquingKeysWith: { $1 })
    }

    // MARK: - Keys

    /// Goes to the next field, or to the previous one, with the answers behind the last.
    mutating func move(_ step: Int) {
        let count = fields.count + 1
        let next = ((place ?? fields.count) + step + count) % count
        place = next == fields.count ? nil : next
    }

    mutating func go(to index: Int) { place = index }

    mutating func type(_ text: String) {
        guard let place else { return }
        fields[place].text += text
    }

    /// Takes away the last character.
    mutating func erase() {
        guard let place else { return }
        fields[place].text = String(fields[place].text.dropLast())
    }

    /// Empties the field.
    mutating func clear() {
        guard let place else { return }
        fields[place].text = ""
    }

    /// Takes the next of a few values, or the day before and the one behind.
    mutating func turn(_ step: Int, now: Moment) {
        guard let place else { return }
        let field = fields[place]
        switch field.parameter.kind {
        case .choice(let values): fields[place].text = Self.next(to: field.text, step, in: values)
        case .boolean: fields[place].text = Self.next(to: field.text, step, in: ["false", "true"])
        case .integer: fields[place].text = Int64(field.text).map { String($0 &+ Int64(step)) } ?? field.text
        case .date:
            // Also from what 'today' and 'yesterday' are.
            guard case .success(let text) = field.parameter.value(of: field.text, now: now, in: zone),
                let date = LocalDate(text)
            else { return }
            fields[place].text = LocalDate(days: date.days + step).description
        case .string, .number: break
        }
    }

    private static func next(to text: String, _ step: Int, in values: [String]) -> String {
        guard let place = values.firstIndex(of: text) else { return values.first ?? text }
        return values[(place + step + values.count) % values.count]
    }
}
