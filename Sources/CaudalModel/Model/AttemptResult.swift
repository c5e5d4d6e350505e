/// How one attempt ended and what it left behind.
package struct AttemptResult: Sendable, Hashable, Codable {
    /// How it ended.
    package enum Ending: String, Sendable, Codable {
        case succeeded, failed
        /// Stopped by a command or by its timeout.
        case stopped
        /// The engine's process died while the attempt ran.
        case interrupted
        /// Nothing had changed since an earlier success, so the outputs of that success were reused.
        case reused
        /// The attempt had no work: this run did not make its input, or the input has no items and no known columns.
        case skipped

        /// Whether nothing is left to do.
        package var isSuccess: Bool { [.succeeded, .reused, .skipped].contains(self) }
    }

    package var ending: Ending
    /// What went wrong and how to fix it; nil for a success.
    package var failure: Failure?
    /// How its process ended, if it had one.
    package var exit: ProcessExit?
    /// The attempt's duration, by the monotonic clock.
    package var duration: Duration
    package var usage: ResourceUsage?
    /// Rows in and out.
    package var rows: RowAccount?
    /// The files and tables it published.
    package var artifacts: [Artifact]
    /// The files it read, with sizes and fingerprints.
    package var reads: [InputVersion]
    package var checks: [CheckResult]
    /// The last lines it wrote, oldest first, at most ``lastLineLimit``.
    package var lastLines: [String]
    /// The items it found, for the attempt that opens a fan-out.
    package var items: [Item]?
    /// How many rows all items together should see, for an attempt that opens a fan-out which divides its input.
    package var rowsToDivide: Int64?
    /// The run whose outputs were reused.
    package var reusedFrom: RunID?
    package var reuseReason: String?
    /// Everything that determined the outputs, for a success that later runs may reuse.
    package var reuseKey: ReuseKey?
    /// Remarks for the user that are not failures.
    package var notes: [String]
    /// The columns of the inputs that no stage of the pipeline writes.
    package var shapes: [InputShape]?
    /// The program that did the work, if Caudal chose it, such as `duckdb 1.5.5`.
    package var tool: String?

    /// How many of a process's last lines are kept with its result.
    package static let lastLineLimit = 20

    package init(
        ending: Ending, failure: Failure? = nil, exit: ProcessExit? = nil, duration: Duration = .zero,
        usage: ResourceUsage? = nil, rows: RowAccount? = nil, artifacts: [Artifact] = [], reads: [InputVersion] = [],
        checks: [CheckResult] = [], lastLines: [String] = [], items: [Item]? = nil, reusedFrom: RunID? = nil,
        reuseReason: String? = nil, reuseKey: ReuseKey? = nil, notes: [String] = [], tool: String? = nil
    ) {
        self.ending = ending
        self.failure = failure
        self.exit = exit
        self.duration = duration
        self.usage = usage
        self.rows = rows
        self.artifacts = artifacts
        self.reads = reads
        self.checks = checks
        self.lastLines = lastLines
        self.items = items
        self.reusedFrom = reusedFrom
        self.reuseReason = reuseReason
        self.reuseKey = reuseKey
        self.notes = notes
        self.tool = tool
    }

    /// A success without rows, artifacts or remarks.
    package static let succeeded = AttemptResult(ending: .succeeded)

    /// A failure with a message.
    package static func failed(_ message: String, remedy: String? = nil) -> AttemptResult {
        AttemptResult(ending: .failed, failure: Failure(message, remedy: remedy))
    }
}

/// A failure: what is wrong, where, and how to fix it.
package struct Failure: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// What is wrong, in a sentence without a full stop.
    package var message: String
    /// How to fix it.
    package var remedy: String?
    /// The place in the user's file, if the fault is there.
    package var location: SourceLocation?
    /// What kind of failure it is, where something is decided by that.
    package var kind: Kind?

    /// The kinds of failure by which callers decide; all others are only shown.
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// A database did not answer, or refused the login.
        case silentDatabase
        /// A database or a table does not exist.
        case missingTable
        /// The engine lacks what it needs to reach a kind of database.
        case missingExtension
        /// An Excel file does not have the sheet that is to be read, or more than one that could be.
        case missingSheet
    }

    package init(_ message: String, remedy: String? = nil, location: SourceLocation? = nil, kind: Kind? = nil) {
        self.message = message
        self.remedy = remedy
        self.location = location
        self.kind = kind
    }

    /// Place, fault and remedy on one line.
    package var description: String {
        (location.map { "\($0): " } ?? "") + message + (remedy.map { "; \($0)" } ?? "")
    }
}

/// How a process ended.
package enum ProcessExit: Sendable, Hashable, Codable {
    case exited(Int32)
    case signaled(Int32)
    /// It has ended, and nobody knows how: something else has collected its status.
    case unknown

    /// The exit status, as a shell gives it: 128 and the number of a signal; nil where nobody knows.
    package var status: Int32? {
        switch self {
        case .exited(let status): status
        case .signaled(let signal): 128 + signal
        case .unknown: nil
        }
    }

    /// In words: `exit status 3`, `killed by signal 9 (KILL), likely out of memory`.
    package var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signaled(let signal): "killed by signal \(signal)" + (Self.names[signal].map { " (\($0))" } ?? "")
        case .unknown: "it ended, and its exit status got lost"
        }
    }

    private static let names: [Int32: String] = [
        1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL, often out of memory",
        11: "SEGV", 13: "PIPE", 15: "TERM", 24: "XCPU", 25: "XFSZ",
    ]
}

/// What a process used, including the children that it waited for.
package struct ResourceUsage: Sendable, Hashable, Codable {
    /// CPU time in user mode and in the kernel.
    package var user: Duration
    package var system: Duration
    /// The peak resident set in bytes; 0 when unknown, because it was smaller than the engine's own.
    package var peakMemory: Int64

    package init(user: Duration, system: Duration, peakMemory: Int64) {
        self.user = user
        self.system = system
        self.peakMemory = peakMemory
    }

    /// What two programs took that ran one after the other.
    package static func + (left: ResourceUsage, right: ResourceUsage) -> ResourceUsage {
        ResourceUsage(
            user: left.user + right.user, system: left.system + right.system,
            peakMemory: max(left.peakMemory, right.peakMemory))
    }

    /// `, at a peak of 1.2 GB`, or empty when the peak is unknown.
    package var peakText: String { peakMemory > 0 ? ", at a peak of \(peakMemory.shortBytes)" : "" }
}

/// What became of every row: `read` is the sum of the other counts.
package struct RowAccount: Sendable, Hashable {
    /// Rows read; when unknown, the rows written.
    package var read: Int64
    /// Whether the number of rows read is known: it is not for a user's query, which may read anything.
    package var isReadKnown = true
    /// Rows that a query among the steps produced beyond its input.
    package var made: Int64 = 0
    /// Rows written to the output.
    package var written: Int64
    /// Rows put aside as invalid.
    package var quarantined: Int64
    /// Rows dropped as duplicates.
    package var duplicates: Int64
    /// Rows dropped by a filter or as invalid where the file says so.
    package var dropped: Int64
    /// Rows of the input that no item of a fan-out saw; counted only for the whole stage.
    package var unassigned: Int64 = 0
    /// The rows of each step, in order.
    package var steps: [StepCount]

    package init(
        read: Int64, written: Int64, quarantined: Int64 = 0, duplicates: Int64 = 0, dropped: Int64 = 0,
        steps: [StepCount] = [], isReadKnown: Bool = true
    ) {
        self.read = read
        self.written = written
        self.quarantined = quarantined
        self.duplicates = duplicates
        self.dropped = dropped
        self.steps = steps
        self.isReadKnown = isReadKnown
    }

    /// Whether every row is accounted for.
    package var isBalanced: Bool { read + made == written + quarantined + duplicates + dropped + unassigned }

    /// The number of rows read, as shown to people.
    package var readText: String { isReadKnown ? read.grouped : "?" }
    /// The same including the rows that a query produced, for places that show one figure.
    package var sourceText: String { made > 0 ? "\(readText) + \(made.grouped) made" : readText }

    /// The sum of two accounts, such as those of two items.
    package static func + (left: RowAccount, right: RowAccount) -> RowAccount {
        var sum = RowAccount(
            read: left.read + right.read, written: left.written + right.written,
            quarantined: left.quarantined + right.quarantined, duplicates: left.duplicates + right.duplicates,
            dropped: left.dropped + right.dropped, steps: [], isReadKnown: left.isReadKnown && right.isReadKnown)
        sum.made = left.made + right.made
        return sum
    }
}

extension RowAccount: Codable {
    /// As it is recorded: without a count of rows read that is not known, and without rows made where there are none.
    private struct Recorded: Codable {
        var read: Int64?
        var made: Int64?
        var written, quarantined, duplicates, dropped: Int64
        var steps: [StepCount]
    }

    package init(from decoder: any Decoder) throws {
        let found = try Recorded(from: decoder)
        self.init(
            read: found.read ?? found.written, written: found.written, quarantined: found.quarantined,
            duplicates: found.duplicates, dropped: found.dropped, steps: found.steps, isReadKnown: found.read != nil)
        made = found.made ?? 0
    }

    package func encode(to encoder: any Encoder) throws {
        let recorded = Recorded(
            read: isReadKnown ? read : nil, made: made > 0 ? made : nil, written: written, quarantined: quarantined,
            duplicates: duplicates, dropped: dropped, steps: steps)
        try recorded.encode(to: encoder)
    }
}

/// Rows in and out of one step of a data stage.
package struct StepCount: Sendable, Hashable, Codable {
    /// What the step does, such as `deduplicate by order_id`.
    package var step: String
    package var rowsIn: Int64
    package var rowsOut: Int64

    package init(step: String, rowsIn: Int64, rowsOut: Int64) {
        self.step = step
        self.rowsIn = rowsIn
        self.rowsOut = rowsOut
    }
}

/// A file or table that an attempt wrote.
package struct Artifact: Sendable, Hashable, Codable {
    /// The dataset it belongs to, or nil for a report.
    package var dataset: DatasetName?
    /// The path, relative to the project's root when it lies below it; or `connection.table`.
    package var path: String
    package var sizeInBytes: Int64
    package var rowCount: Int64?
    package var columns: [Column]
    /// A fingerprint of its content, such as `xxh64:ef46db3751d8e999`, or nil for a table.
    package var contentHash: String?
    /// The file's mark when it was published; nil for tables and folders, and when none was recorded.
    package var mark: FileMark?
    /// Where the run keeps its version, relative to the state folder; nil where the file system could not keep one.
    package var kept: String?

    package init(
        dataset: DatasetName?, path: String, sizeInBytes: Int64, rowCount: Int64? = nil, columns: [Column] = [],
        contentHash: String? = nil
    ) {
        self.dataset = dataset
        self.path = path
        self.sizeInBytes = sizeInBytes
        self.rowCount = rowCount
        self.columns = columns
        self.contentHash = contentHash
    }
}

/// The version of a file that an attempt read.
package struct InputVersion: Sendable, Hashable, Codable {
    package var dataset: DatasetName?
    package var path: String
    package var sizeInBytes: Int64
    /// A fingerprint of its content, when it was computed or is known from the run that wrote it.
    package var contentHash: String?
    /// The run that published it, if that is not the run that read it.
    package var madeBy: RunID?

    package init(
        dataset: DatasetName?, path: String, sizeInBytes: Int64, contentHash: String? = nil, madeBy: RunID? = nil
    ) {
        self.dataset = dataset
        self.path = path
        self.sizeInBytes = sizeInBytes
        self.contentHash = contentHash
        self.madeBy = madeBy
    }
}

/// The columns of a dataset as an attempt read it.
package struct InputShape: Sendable, Hashable, Codable {
    package var dataset: DatasetName
    package var columns: [Column]

    package init(dataset: DatasetName, columns: [Column]) {
        self.dataset = dataset
        self.columns = columns
    }

    /// The shape, where columns without values keep the types of the earlier shape: a day without values is no change
    /// of type.
    package init(dataset: DatasetName, columns: [Column], after earlier: InputShape?) {
        let types = Dictionary(earlier?.columns.map { ($0.name, $0.type) } ?? []) { first, _ in first }
        self.init(
            dataset: dataset,
            columns: columns.map { $0.type == .unknown ? Column($0.name, types[$0.name] ?? .unknown) : $0 })
    }

    /// Describes the differences from an earlier shape; nil when there are none.
    ///
    /// The order of columns does not count.
    package func drift(from earlier: InputShape) -> String? {
        let (old, new) = (earlier.columns, columns)
        func names(_ columns: [Column]) -> String { columns.map { "'\($0.name)'" }.joined(separator: ", ") }
        var parts: [String] = []
        let added = new.filter { column in !old.contains { $0.name == column.name } }
        let gone = old.filter { column in !new.contains { $0.name == column.name } }
        if !added.isEmpty { parts.append("\(names(added)) \(added.count == 1 ? "is" : "are") new") }
        if !gone.isEmpty { parts.append("\(names(gone)) \(gone.count == 1 ? "is" : "are") gone") }
        for column in new {
            guard let before = old.first(where: { $0.name == column.name }), !before.type.agrees(with: column.type)
            else {
                continue
            }
            parts.append("'\(column.name)' is \(column.type) and was \(before.type)")
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

/// What one check found.
package struct CheckResult: Sendable, Hashable, Codable {
    /// How a check ended.
    package enum Outcome: String, Sendable, Codable, CaseIterable {
        case passed, warned, failed
        /// It could not run; never shown as passed.
        case error
    }

    /// The kind of the check that a stage derives from its schema.
    package static let schemaKind = "json_schema"

    package var id: String
    /// The check's kind as the pipeline file names it.
    package var kind: String
    package var severity: Check.Severity
    package var outcome: Outcome
    /// The measured value; nil when nothing could be measured.
    package var measured: Double?
    /// The limits whose breach fails the check, in the unit of ``measured``; nil for checks without limits.
    package var limits: Check.Bounds?
    /// The limits whose breach is a warning, in the unit of ``measured``.
    package var warnLimits: Check.Bounds?
    /// What was expected, in words.
    package var expectation: String
    /// What was found, in words.
    package var message: String
    /// How many rows fail; nil for checks that do not look at single rows.
    package var failingRows: Int64?
    /// How many rows the check looked at.
    package var totalRows: Int64?
    /// Some of the failing rows, with `row` as their number in the data, from 1.
    package var samples: [SampleRow]
    /// The part of the data it is about, such as `region=north`, or nil for all of it.
    package var partition: String?
    /// Until when a breach is accepted, and why.
    package var waiver: String?

    /// The outcome as one word; `waived` for an accepted breach.
    package var word: String { waiver == nil ? outcome.rawValue : "waived" }

    /// How many failing rows are kept for each check.
    package static let sampleLimit = 100

    package init(
        id: String, kind: String, severity: Check.Severity, outcome: Outcome, measured: Double? = nil,
        expectation: String, message: String, failingRows: Int64? = nil, totalRows: Int64? = nil,
        samples: [SampleRow] = [], partition: String? = nil, waiver: String? = nil
    ) {
        self.id = id
        self.kind = kind
        self.severity = severity
        self.outcome = outcome
        self.measured = measured
        self.expectation = expectation
        self.message = message
        self.failingRows = failingRows
        self.totalRows = totalRows
        self.samples = samples
        self.partition = partition
        self.waiver = waiver
    }
}

/// How much of the failing rows a run keeps and messages show.
package enum SampleRule: String, Sendable, CaseIterable {
    /// The rows with their values.
    case all
    /// Only what identifies the rows: their numbers, and the values of columns that a check of the stage declares
    /// unique.
    case keys
    /// Only the number of failing rows.
    case none

    /// The result with only the samples that the rule allows.
    package func applied(to result: CheckResult, keys: Set<String>) -> CheckResult {
        var result = result
        switch self {
        case .all: break
        case .none: result.samples = []
        // The samples of a schema check are rules instead of rows: they hold no values.
        case .keys where result.kind == CheckResult.schemaKind: break
        case .keys:
            for index in result.samples.indices {
                let cells = zip(result.samples[index].columns, result.samples[index].values).filter {
                    keys.contains($0.0)
                }
                result.samples[index].columns = cells.map(\.0)
                result.samples[index].values = cells.map(\.1)
            }
        }
        return result
    }
}

/// A row that failed a check, as text in the order of its columns.
package struct SampleRow: Sendable, Hashable, Codable {
    /// Its number in the data, from 1, or nil where rows have none.
    package var row: Int64?
    package var columns: [String]
    /// The values; nil where there is none.
    package var values: [String?]

    /// The first cells as `name=value`, joined; the columns that the check is about come first, and long values are
    /// truncated.
    package func cells(_ limit: Int, _ separator: String = "  ") -> String {
        zip(columns, values).prefix(limit).map { "\($0)=\(($1 ?? "null").shortened(to: Self.valueLimit))" }
            .joined(separator: separator)
    }

    /// The maximum length of a value when a row is shown on one line.
    private static let valueLimit = 80

    package init(row: Int64?, columns: [String], values: [String?]) {
        self.row = row
        self.columns = columns
        self.values = values
    }
}

/// The progress of an attempt, as its executor reports it.
package struct Progress: Sendable, Hashable, Codable {
    /// From 0 to 1, or nil when it is not known.
    package var fraction: Double?
    /// Rows so far, or nil.
    package var rows: Int64?
    /// What is being done, in a few words.
    package var activity: String?

    package init(fraction: Double? = nil, rows: Int64? = nil, activity: String? = nil) {
        self.fraction = fraction
        self.rows = rows
        self.activity = activity
    }
}
