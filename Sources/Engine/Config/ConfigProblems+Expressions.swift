package import CaudalModel

extension ConfigProblems {
    /// Parses an expression and reports faults at their places in the file.
    package func expression(_ text: Located<String>) -> Located<Expression>? {
        do throws(ExpressionFault) {
            let expression = Located(try ExpressionParser.parse(text.value), at: text.location)
            settle(text.location)
            return expression
        } catch {
            report(error, in: text)
            return nil
        }
    }

    /// Reports certain errors in a regular expression for DuckDB.
    package func check(pattern: Located<String>) {
        guard let fault = PatternSyntax.fault(in: pattern.value) else { return }
        report(
            "the pattern '\(pattern.value.shortened(to: 60))' cannot be used: \(fault.message)", remedy: fault.remedy,
            at: pattern.location)
    }

    /// Reports a fault of an expression at its place in the file.
    package func report(_ fault: ExpressionFault, in text: Located<String>) {
        report(fault.message, remedy: fault.remedy, at: text.place(of: fault.offset))
    }
}
