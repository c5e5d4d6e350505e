import ArgumentParser
import CaudalModel
import Engine

/// Options of the form `name=value`.
enum NameValueArguments {
    /// Parameters of a pipeline; a name that it does not have is wrong usage.
    static func parameters(_ texts: [String], of pipeline: Pipeline) throws -> [String: String] {
        let pairs = try read(texts, option: "--param")
        if let message = pipeline.unknownParameters(in: pairs.keys).first { throw ValidationError(message) }
        return pairs
    }

    static func read(_ texts: [String], option: String) throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in texts {
            guard let equals = text.firstIndex(of: "=") else {
                throw ValidationError("'\(option) \(text)' is not name=value")
            }
            pairs[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return pairs
    }
}
