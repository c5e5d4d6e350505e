import CaudalModel
import Engine

/// Why a verb about schedules cannot do what it was asked for.
enum ScheduleError: DomainError {
    /// No file of the project's `config` has the pipeline; `unreadable`: files that could not be read.
    case unknownPipeline(String, root: String, known: [String], unreadable: [String])
    /// The pipeline file that the user named has this fault.
    case invalidPipeline(String, fault: String)
    /// The pipeline has no schedule at all.
    case noSchedule(pipeline: String, file: String)
    /// The pipeline has other schedules than the one that the user named.
    case unknownSchedule(String, pipeline: String, known: [String])
    /// The user named none of several schedules.
    case severalSchedules([String], pipeline: String)
    /// This machine does not know the time zone.
    case unknownZone(String)
    /// A schedule does not fire at a time; `text` is how the user wrote the time.
    case noSlot(ScheduleKey, at: String, text: String)
    /// The record of a slot was removed before its run began.
    case slotRemoved
    /// The pipeline file no longer has the schedule of a slot.
    case scheduleRemoved(String)
    /// Another scheduler decides for the project.
    case otherScheduler(String)
}

extension ScheduleError {
    var failure: Failure {
        switch self {
        case .unknownPipeline(let text, let root, let known, let unreadable):
            Failure(
                "there is no pipeline '\(text)' in \(root)/config"
                    + (unreadable.isEmpty ? "" : "; \(unreadable.formattedAsList) cannot be read")
                    + Suggestion.phrase(for: text, among: known))
        case .invalidPipeline(let text, let fault):
            Failure("\(text) is not valid: \(fault)", remedy: "see all with 'caudal validate \(text)'")
        case .noSchedule(let pipeline, let file):
            Failure("\(pipeline) has no schedule", remedy: "add 'schedule:' to \(file)")
        case .unknownSchedule(let name, let pipeline, let known):
            Failure("\(pipeline) has no schedule '\(name)'" + Suggestion.phrase(for: name, among: known))
        case .severalSchedules(let names, let pipeline):
            Failure(
                "\(pipeline) has \(names.count) schedules",
                remedy: "name one of them: \(names.joined(separator: ", "))")
        case .unknownZone(let zone): Failure("the time zone '\(zone)' is not there")
        case .noSlot(let key, let time, let text):
            Failure(
                "\(key) has no slot at \(time)",
                remedy: "'caudal schedule explain \(key.pipeline) \(text)' tells of the slots around it")
        case .slotRemoved: Failure("the slot is gone")
        case .scheduleRemoved(let name): Failure("the file has no schedule '\(name)' any more")
        case .otherScheduler(let who):
            Failure(
                "a scheduler decides for this project already: \(who)",
                remedy: "end that one first, or take over when it ends with --wait")
        }
    }
}
