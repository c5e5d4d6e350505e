import CaudalModel

/// Formats the numbers of checks.
enum CheckText {
    static func percent(_ part: Double) -> String {
        let percent = (part * 100).rounded(to: 2)
        return "\(percent)%"
    }

    static func counted(_ number: Double, _ word: String) -> String { Int64(number).counted(word) }

    static func age(_ seconds: Double) -> String {
        let days = seconds / 86_400
        if abs(days) >= 2 { return "\(days.rounded(to: 1)) days" }
        if abs(seconds) >= 7200 { return "\((seconds / 3600).rounded(to: 1)) h" }
        return abs(seconds) >= 120 ? "\((seconds / 60).rounded(to: 1)) min" : "\(seconds.rounded(to: 0)) s"
    }

    /// A number as it is read best: whole ones in groups of digits, others with four decimal places.
    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? Int64(value).grouped : value.rounded(to: 4)
    }
}

extension Check {
    /// The expectation in words.
    func expectation() -> String { kind.expectation(self, limits.words(text(ofLimit:))) }

    /// A limit, as text.
    func text(ofLimit limit: Double) -> String { kind.text(ofLimit: limit, isFraction: limits.areFractions) }

    /// The addition to an expectation for checks with `where`.
    var filterWords: String { filter == nil ? "" : ", of the rows it looks at" }
}

extension Check.Bounds {
    fileprivate func words(_ show: (Double) -> String) -> String {
        switch (exactMin ?? min.map(show), exactMax ?? max.map(show)) {
        case (nil, nil): "anything"
        case (let min?, nil): "at least \(min)"
        case (nil, let max?): "at most \(max)"
        case (let min?, let max?): min == max ? "exactly \(min)" : "\(min) to \(max)"
        }
    }
}
