package import CaudalModel

/// The paths of an input's files, one on each line, in a file.
package struct InputList: Sendable, Hashable {
    package var path: String
    package var text: String

    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }
}

/// A program to run.
package struct CommandWork: Sendable, Hashable {
    /// The program and its arguments; a command that needs a shell is `/bin/sh -c …`.
    package var arguments: [String]
    /// Variables in addition to those that every command gets.
    package var environment: [String: String]
    package var outputs: [StagedOutput]
    /// The files with lists of what it reads, which have to be there when it begins.
    package var lists: [InputList] = []
    /// A regular expression whose first group is a percentage, or whose two groups are the done and total amounts.
    package var progressPattern: String?
    /// The files that it reads, as far as they are known.
    package var reads: [String] = []
    /// The folder of the attempt; what runs the program elsewhere keeps its own files in it.
    package var workFolder: String?
    package var resources = Resources()

    package init(
        arguments: [String], environment: [String: String], outputs: [StagedOutput] = [], lists: [InputList] = [],
        progressPattern: String? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.outputs = outputs
        self.lists = lists
        self.progressPattern = progressPattern
    }
}
