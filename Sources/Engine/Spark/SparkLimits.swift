package import CaudalModel

/// What stages on Spark are not given, because it would come out differently there.
///
/// All of it is found before anything runs, with the place in the pipeline file and what to do instead.
extension SparkDialect {
    fileprivate static let elsewhere = "run the stage on DuckDB"

    package func obstacle(to expression: Expression, _ typing: ExpressionTyping) -> ExpressionFault? {
        let limits = SparkExpressionLimits(typing: typing)
        var found: ExpressionFault?
        expression.visit { part in found = found ?? limits.fault(of: part) }
        return found
    }

    package func obstacle(toPattern pattern: String) -> String? {
        SparkExpressionLimits.difference(inPattern: pattern).map { "on Spark, \($0); \(Self.elsewhere)" }
    }

    package func obstacle(toCast old: ColumnType, to new: ColumnType) -> String? {
        switch (old, new) {
        case _ where old == new: nil
        case (.text, _): nil
        case (.integer, _) where new != .boolean: nil
        case (.boolean, .integer), (.boolean, .number), (.boolean, .text), (.number, .integer), (.decimal, .integer),
            (.decimal, .number), (.decimal, .text):
            nil
        case (.number, .text):
            "on Spark, floating-point numbers are written as other texts; cast it to integer first, or \(Self.elsewhere)"
        case _ where old.isTime && (new.isTime || new == .text): nil
        default: "on Spark, a cast from \(old) to \(new) may round differently; \(Self.elsewhere)"
        }
    }

    package func obstacle(toRead column: Column) -> String? {
        guard case .other(let name) = column.type else { return nil }
        return "stages on Spark read no \(name), which '\(column.name)' is; \(Self.elsewhere)"
    }
}

/// What an expression cannot have on Spark.
private struct SparkExpressionLimits {
    let typing: ExpressionTyping

    /// What is wrong with a part of an expression, apart from the parts inside of it.
    func fault(of part: Expression) -> ExpressionFault? {
        switch part.node {
        case .binary(.concatenate, let left, let right): return faultOfText(left) ?? faultOfText(right)
        case .cast(let operand, .text): return faultOfText(operand)
        case .cast(let operand, let new): return faultOfCast(part, of: operand, to: new)
        case .call(let function, let arguments): return faultOfCall(function, arguments, part)
        case .column, .literal, .reference, .negate, .not, .binary, .isNull, .isIn, .isBetween, .isLike, .cases:
            return nil
        }
    }

    private func type(of part: Expression) -> ColumnType? { (try? typing.type(of: part)) ?? nil }

    private func fault(_ message: String, _ remedy: String? = nil, at part: Expression) -> ExpressionFault {
        ExpressionFault(
            "on Spark, \(message)",
            remedy: remedy.map { "\($0), or \(SparkDialect.elsewhere)" } ?? SparkDialect.elsewhere, at: part.offset)
    }

    private func isOfDecimals(_ part: Expression) -> Bool {
        var found = false
        part.visit { inner in
            if case .literal(.decimal) = inner.node { found = true }
            if case .decimal? = type(of: inner) { found = true }
        }
        return found
    }

    private func literal(_ part: Expression) -> Literal? {
        if case .literal(let literal) = part.node { literal } else { nil }
    }

    /// Floating point as text, which each engine writes in its own way.
    private func faultOfText(_ part: Expression) -> ExpressionFault? {
        guard type(of: part) == .number else { return nil }
        return fault("floating-point numbers are written as other texts", "cast it to integer first", at: part)
    }

    private func faultOfCast(_ part: Expression, of operand: Expression, to new: ColumnType) -> ExpressionFault? {
        guard let old = type(of: operand), old != new else { return nil }
        switch (old, new) {
        case (.integer, .number), (.integer, .decimal), (.decimal, .number), (.boolean, .integer), (.boolean, .number),
            (.text, .number), (.text, .date), (.text, .timestamp), (.text, .localTimestamp), (.text, .boolean):
            return nil
        case (.number, .integer) where !isOfDecimals(operand): return nil
        case (_, _) where old.isTime && new.isTime: return nil
        default:
            return fault(
                "a cast from \(old) to \(new) may round differently or take other texts",
                "use a step 'cast', which fails for what does not fit", at: part)
        }
    }

    private func faultOfCall(
        _ function: Expression.Function, _ arguments: [Expression], _ part: Expression
    ) -> ExpressionFault? {
        switch function {
        case .concat: return arguments.lazy.compactMap(faultOfText).first
        case .round: return faultOfRounding(arguments)
        case .substr:
            for (argument, least) in zip(arguments.dropFirst(), [1, 0] as [Int64]) {
                if case .integer(let number)? = literal(argument), number >= least { continue }
                return fault("'substr' needs its places as numbers from \(least) on, written in the file", at: argument)
            }
            return nil
        case .splitPart:
            if case .text(let separator)? = literal(arguments[1]), !separator.isEmpty,
                case .integer(let place)? = literal(arguments[2]), place != 0
            {
                return nil
            }
            return fault("'split_part' needs a separator and a place other than 0, written in the file", at: part)
        case .replace:
            if case .text(let text)? = literal(arguments[1]), !text.isEmpty { return nil }
            return fault("'replace' needs the text that it replaces, written in the file", at: arguments[1])
        case .regexpMatches: return faultOfPattern(arguments[1])
        case .regexpReplace: return faultOfPattern(arguments[1]) ?? faultOfReplacement(arguments)
        case .nullif, .coalesce, .greatest, .least, .abs, .ceil, .floor, .sqrt, .contains, .length, .lower, .upper,
            .trim, .ltrim, .rtrim, .sha256, .year, .month, .day, .hour, .dateOf, .daysBetween, .startsWith, .endsWith:
            return nil
        }
    }

    private func faultOfRounding(_ arguments: [Expression]) -> ExpressionFault? {
        if isOfDecimals(arguments[0]) {
            return fault("a number with decimals that the file states is rounded differently", at: arguments[0])
        }
        guard arguments.count > 1 else { return nil }
        if case .integer(let digits)? = literal(arguments[1]), (0...15).contains(digits) { return nil }
        return fault("'round' needs its digits as a number from 0 to 15", at: arguments[1])
    }

    // MARK: - Regular expressions

    private func faultOfPattern(_ argument: Expression) -> ExpressionFault? {
        guard case .text(let pattern)? = literal(argument) else {
            return fault("a regular expression must be written in the file", at: argument)
        }
        return Self.difference(inPattern: pattern).map { fault($0, at: argument) }
    }

    /// What is wrong with replacing what a pattern finds that Spark understands.
    private func faultOfReplacement(_ arguments: [Expression]) -> ExpressionFault? {
        if case .text(let pattern)? = literal(arguments[1]), SparkPattern(pattern)?.matchesEmpty == true {
            return fault(
                "what a regular expression finds that matches nothing is replaced differently", at: arguments[1])
        }
        guard case .text(let text)? = literal(arguments[2]), SparkPattern.replacement(text) != nil else {
            return fault("a replacement must be written in the file, with \\0 to \\9 for groups", at: arguments[2])
        }
        return nil
    }

    /// Why a pattern may match other texts there; nil where it does not.
    static func difference(inPattern pattern: String) -> String? {
        SparkPattern(pattern) != nil
            ? nil
            : "the regular expression '\(pattern.shortened(to: 60))' may match other texts: of the flags, classes by name and other special forms, "
                + "Java has its own"
    }
}

/// What a stage cannot be given on Spark, whatever its columns are.
enum SparkStageLimits {
    static func faults(of stage: Stage, in pipeline: Pipeline) -> [ConfigError] {
        func fault(_ message: String, _ remedy: String, at location: SourceLocation) -> ConfigError {
            ConfigError("stage '\(stage.id)' cannot run on Spark: \(message)", remedy: remedy, at: location)
        }
        let remedy = "run it on DuckDB: 'engine: duckdb'"
        var faults: [ConfigError] = []
        if stage.definition.mergedOutput != nil {
            faults.append(
                fault("it adds to what its output has", "leave 'mode' out, or \(remedy)", at: stage.outputLocation))
        }
        if stage.placement != .local {
            faults.append(
                fault(
                    "its work is done by the cluster, and not where 'run_on', 'container' or 'sandbox' say",
                    "remove one of them", at: stage.location))
        }
        if stage.fanOut != nil, stage.definition.validatedInput != nil {
            faults.append(
                fault(
                    "rows are numbered over all items of 'foreach'", "leave 'foreach' out, or \(remedy)",
                    at: stage.location))
        }
        for name in stage.reads {
            guard let dataset = pipeline.dataset(name.value), dataset.zone != nil else { continue }
            faults.append(fault("the times of '\(name.value)' are of a zone", remedy, at: name.location))
        }
        return faults
    }
}
