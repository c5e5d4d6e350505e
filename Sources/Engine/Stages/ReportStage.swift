package import CaudalModel

/// `report`: writes a report of the run so far.
package struct ReportStage: StageType {
    package static let typeName = "report"

    package var formats: [ReportFormat]
    package var folder: Template
    /// Where the stage is written.
    package var location: SourceLocation

    package var references: [(Template.Reference, SourceLocation)] { folder.references.map { ($0, location) } }
    package var inputs: [Located<DatasetName>] { [] }
    package var outputs: [DatasetName] { [] }
    package var needsSQLEngine: Bool { false }
    package var wantsRunState: Bool { true }
    package var fanOutObstacle: (message: String, remedy: String?)? { ("a report stage cannot have 'foreach'", nil) }
    package func reuseObstacle(isWanted: Bool) -> String? { "a report is about the whole run" }
    package func otherOutputs(of pipeline: String) -> [OtherOutput] {
        formats.map { format in
            let name = Template.Segment.text("/\(pipeline)-latest.\(format.fileExtension)")
            return OtherOutput("the report", path: Template(segments: folder.segments + [name]), at: location)
        }
    }

    package static func read(_ reader: inout MappingReader, _ context: ReadingContext) -> ReportStage {
        let formats = reader.texts("formats", needsOne: true).compactMap { text in
            if let format = ReportFormat(rawValue: text.value) { return format }
            let names = ReportFormat.allCases.map(\.rawValue)
            context.problems.report(
                "'formats' must hold \(names.formattedAsChoice), not '\(text.value)'", at: text.location)
            return nil
        }
        let folder = reader.template("output_dir")
        return ReportStage(
            formats: formats.isEmpty ? ReportFormat.allCases : formats,
            folder: folder?.value ?? Template(text: "data/outputs/reports"),
            location: folder?.location ?? reader.location)
    }

    package func outputColumns(_ typing: StageTyping) throws(ConfigError) -> [DatasetName: [Column]] { [:] }

    package func explanation(for attempt: StageAttempt) -> String? {
        let files = formats.map { "\(attempt.path(folder))/\(attempt.pipeline.name)-RUN.\($0.fileExtension)" }
        return
            "# caudal writes a report of the run itself, and a copy that ends in -latest:\n"
            + files.map { "#   \($0)" }.joined(separator: "\n")
    }

    package func work(for attempt: StageAttempt) throws -> StageWork {
        guard let state = attempt.state else { throw Failure("a report needs a run") }
        let folder = attempt.path(folder)
        let base = "\(attempt.pipeline.name)-\(attempt.facts.runID)"
        // The newest report has a name that stays the same.
        let latest = "\(attempt.pipeline.name)-latest"
        let formats = formats
        let outputs = formats.flatMap { format in
            [base, latest].map { name in
                let path = "\(folder)/\(name).\(format.fileExtension)"
                return StagedOutput(dataset: nil, staged: attempt.staged(path: path), target: path)
            }
        }
        let report = RunReport(
            state: state, background: attempt.background, now: attempt.now, reporter: attempt.stage.id)
        return .inProcess(
            InProcessWork(outputs: outputs) {
                for format in formats {
                    let text = report.text(in: format)
                    for output in outputs where output.target.hasSuffix("." + format.fileExtension) {
                        do throws(Failure) { try FileText.write(text, to: output.staged) } catch {
                            throw Failure("the report \(error.message)")
                        }
                    }
                }
                return DataOutcome()
            })
    }
}
