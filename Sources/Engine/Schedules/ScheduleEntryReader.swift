package import CaudalModel
import Foundation

/// Reads the entries of `schedule:` in a pipeline file.
package struct ScheduleEntryReader {
    private let problems: ConfigProblems
    private let zones: ZoneLibrary
    /// Now, in seconds since 1970: clock changes behind it are looked for.
    private let now: Int64

    package init(problems: ConfigProblems, zones: ZoneLibrary = ZoneLibrary(), now: Int64) {
        self.problems = problems
        self.zones = zones
        self.now = now
    }

    /// Reads them for a pipeline file that is read at a moment, in the zones of the system.
    package static func reader(now: Moment) -> ScheduleReader {
        { nodes, pipeline, environments, problems in
            ScheduleEntryReader(problems: problems, now: now.wall.floored(by: 1000))
                .read(nodes, of: pipeline, environments: environments)
        }
    }

    /// Reads all entries; what does not fit is reported.
    ///
    /// `pipeline`: the pipeline, read as far as its parameters and its zone.
    /// `environments`: the names of the environments that the file defines.
    package func read(_ nodes: [ConfigNode], of pipeline: Pipeline, environments: [String]) -> [Schedule] {
        var names: Set<String> = []
        return nodes.compactMap { node in
            guard let schedule = read(node, isOnly: nodes.count == 1, pipeline, environments) else { return nil }
            if !names.insert(schedule.name).inserted {
                problems.report(
                    "there are two schedules '\(schedule.name)'", remedy: "give each a 'name' of its own",
                    at: node[key: "name"]?.location ?? node.location)
            }
            return schedule
        }
    }

    private func read(
        _ node: ConfigNode, isOnly: Bool, _ pipeline: Pipeline, _ environments: [String]
    ) -> Schedule? {
        var reader = MappingReader(node, subject: "the schedule", kind: "schedule", problems: problems)
        let count = problems.errors.count
        let name = reader.name("name", isRequired: !isOnly)?.value ?? Schedule.usualName
        let zone = readZone(&reader, pipeline)
        let trigger = readTrigger(&reader, pipeline, seed: "\(pipeline.name)/\(name)")
        let calendar = readCalendar(&reader)
        var schedule = Schedule(
            name: name, trigger: trigger ?? .every(seconds: 86_400, anchor: Self.usualAnchor),
            timezone: zone?.name ?? "UTC", parameters: readParameters(&reader, pipeline), calendar: calendar,
            location: reader.location)
        schedule.environment = readEnvironment(&reader, environments)
        schedule.jitter = reader.duration("jitter", isPositive: true) ?? .zero
        schedule.catchUp = reader.choice("catch_up", as: Schedule.CatchUp.self) ?? .latest
        schedule.catchUpWindow = reader.duration("catch_up_window", isPositive: true) ?? Schedule.usualWindow
        schedule.overlap = reader.choice("overlap", as: Schedule.Overlap.self) ?? .skip
        schedule.deadline = reader.duration("deadline", isPositive: true)
        schedule.isEnabled = reader.boolean("enabled") ?? true
        checkTogether(&reader, schedule, trigger)
        checkValues(schedule, pipeline)
        reader.finish()
        guard trigger != nil, let zone, !problems.errors[count...].contains(where: { $0.severity == .error }) else {
            return nil
        }
        schedule.definition = Self.definition(node, zone)
        tellOddities(schedule, node, zone)
        return schedule
    }

    private func readZone(_ reader: inout MappingReader, _ pipeline: Pipeline) -> ZoneRules? {
        guard let text = reader.text("timezone") else {
            // UTC goes by the name of GMT in Foundation.
            let name = pipeline.timeZone.identifier
            return name == "GMT" ? .utc : zones.zone(named: name) ?? .utc
        }
        if let zone = zones.zone(named: text.value) { return zone }
        problems.report(
            "there is no time zone '\(text.value)'", remedy: zones.remedy(for: text.value), at: text.location)
        return nil
    }

    // MARK: - What makes it fire

    private func readTrigger(
        _ reader: inout MappingReader, _ pipeline: Pipeline, seed: String
    ) -> Schedule.Trigger? {
        let cron = reader.text("cron")
        let hasSeconds = reader.boolean("seconds")
        let every = readEvery(&reader)
        let after = reader.node("after").flatMap { $0.isEmpty ? nil : readArrivals($0, pipeline) }
        let given = ["cron", "every", "after"].filter { reader.has($0) }
        guard given.count == 1 else {
            if given.isEmpty {
                reader.reportMissing(
                    "\(reader.subject) needs 'cron', 'every' or 'after'", remedy: "write, say, cron: \"0 6 * * *\"")
            } else {
                problems.report(
                    "\(reader.subject) has \(given.map { "'\($0)'" }.formattedAsList)",
                    remedy: "make a schedule of each", at: reader.location(of: given[1]))
            }
            return nil
        }
        if hasSeconds != nil, given != ["cron"] {
            problems.report("'seconds' can only be given with 'cron'", at: reader.location(of: "seconds"))
        }
        if let cron { return readCron(cron, hasSeconds: hasSeconds ?? false, seed: seed) }
        return every ?? after.map { .after($0) }
    }

    private func readCron(_ text: Located<String>, hasSeconds: Bool, seed: String) -> Schedule.Trigger? {
        do throws(CronExpression.Fault) {
            return .cron(try CronExpression(text.value, hasSeconds: hasSeconds, seed: seed))
        } catch {
            problems.report(error.message, remedy: error.remedy, at: text.place(of: error.offset))
            return nil
        }
    }

    /// A Monday at midnight: days and weeks count from there.
    private static let usualAnchor = LocalTime(seconds: 978_307_200)

    private func readEvery(_ reader: inout MappingReader) -> Schedule.Trigger? {
        let anchor = reader.text("anchor")
        if let anchor, !reader.has("every") {
            problems.report("'anchor' can only be given with 'every'", at: anchor.location)
        }
        guard let duration = reader.duration("every", isPositive: true) else { return nil }
        guard duration.milliseconds % 1000 == 0 else {
            problems.report(
                "'every' must be whole seconds, not '\(duration.written)'",
                at: reader.valueLocation(of: "every") ?? reader.location)
            return nil
        }
        var start = Self.usualAnchor
        if let anchor {
            guard let time = Self.anchor(anchor.value) else {
                problems.report(
                    "'anchor' must be a time of the schedule's zone, not '\(anchor.value)'",
                    remedy: "write, say, 00:05, 2026-01-05 or 2026-01-05T00:05", at: anchor.location)
                return nil
            }
            start = time
        }
        return .every(seconds: duration.milliseconds / 1000, anchor: start)
    }

    /// `00:05`, `2026-01-05`, `2026-01-05T00:05`.
    private static func anchor(_ text: String) -> LocalTime? {
        let pieces = text.split(separator: "T", omittingEmptySubsequences: false).map(String.init)
        guard pieces.count < 3 else { return nil }
        let clock = pieces.last.flatMap(secondOfDay)
        if pieces.count == 1, let clock { return LocalTime(seconds: usualAnchor.seconds + clock) }
        guard let date = LocalDate(pieces[0]), pieces.count == 1 || clock != nil else { return nil }
        return LocalTime(seconds: Int64(date.days) * 86_400 + (pieces.count == 1 ? 0 : clock ?? 0))
    }

    private static func secondOfDay(_ text: String) -> Int64? {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(numbers.count), numbers.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isNumber) })
        else { return nil }
        let values = numbers.compactMap { Int64($0) } + [0]
        guard values.count > numbers.count, values[0] < 24, values[1] < 60, values[2] < 60 else { return nil }
        return values[0] * 3600 + values[1] * 60 + values[2]
    }

    private func readArrivals(_ node: ConfigNode, _ pipeline: Pipeline) -> Schedule.Arrivals {
        let texts: [Located<String>]
        var files: [Located<String>] = []
        var settle = Duration.seconds(10)
        var parameter: String?
        if case .mapping = node.content {
            var reader = MappingReader(node, subject: "'after'", kind: "after", problems: problems)
            texts = reader.texts("datasets", needsOne: true)
            files = reader.texts("files", needsOne: true)
            if let given = reader.duration("settle", isPositive: true) {
                settle = given
                if files.isEmpty {
                    problems.report("'settle' can only be given with 'files'", at: reader.location(of: "settle"))
                }
            }
            parameter = reader.text("param").flatMap { textParameter($0, pipeline) }
            if !reader.has("datasets"), !reader.has("files") {
                reader.reportMissing(
                    "'after' needs 'datasets' or 'files'", remedy: "write, say, after: {files: inbox/*.csv}")
            }
            reader.finish()
        } else {
            texts = problems.texts(of: node, what: "'after'")
        }
        let datasets = texts.compactMap { text -> Located<Schedule.Arrivals.Source>? in
            let names = text.value.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard names.count == 2, !names.contains("") else {
                problems.report(
                    "'\(text.value)' is no dataset of a pipeline",
                    remedy: "write the pipeline's name before it, such as sales/orders",
                    at: text.location)
                return nil
            }
            if names[0] == pipeline.name {
                problems.report(
                    "'\(text.value)' is a dataset of this pipeline: each run would start the next one, without end",
                    remedy: "name a dataset of another pipeline", at: text.location)
                return nil
            }
            return Located(Schedule.Arrivals.Source(pipeline: names[0], dataset: names[1]), at: text.location)
        }
        return Schedule.Arrivals(datasets: datasets, files: files, settle: settle, parameter: parameter)
    }

    /// The parameter that is given what arrived.
    private func textParameter(_ name: Located<String>, _ pipeline: Pipeline) -> String? {
        guard let parameter = parameter(named: name, pipeline) else { return nil }
        if case .string = parameter.kind { return parameter.name }
        problems.report(
            "the parameter '\(parameter.name)' is not text, and 'after' gives it the path of a file or the name of a run",
            remedy: "declare it with 'type: string'", at: name.location)
        return nil
    }

    // MARK: - Days

    private func readCalendar(_ parent: inout MappingReader) -> ScheduleCalendar? {
        guard var reader = parent.mapping("calendar", subject: "the calendar", kind: "calendar") else { return nil }
        var calendar = ScheduleCalendar(businessDays: reader.boolean("business_days") ?? false)
        for text in reader.texts("skip", needsOne: true) { add(text, to: &calendar.skipped) }
        for text in reader.texts("include", needsOne: true) { add(text, to: &calendar.included) }
        reader.finish()
        return calendar
    }

    private func add(_ text: Located<String>, to days: inout DaySet) {
        func refuse(_ message: String, _ remedy: String) { problems.report(message, remedy: remedy, at: text.location) }
        if let dots = text.value.firstRange(of: "..") {
            guard let first = LocalDate(String(text.value[..<dots.lowerBound])),
                let last = LocalDate(String(text.value[dots.upperBound...]))
            else {
                return refuse("'\(text.value)' is no stretch of days", "write it as 2026-12-24..2027-01-01")
            }
            guard first <= last, last.days - first.days < 3660 else {
                return refuse("'\(text.value)' is no stretch of days of up to ten years", "write the earlier day first")
            }
            for day in first.days...last.days { days.insert(LocalDate(days: day)) }
        } else if let date = LocalDate(text.value) {
            days.insert(date)
        } else if text.value.count == 5, let date = LocalDate("2024-\(text.value)") {
            days.insertYearly(month: date.parts.month, day: date.parts.day)
        } else {
            refuse("'\(text.value)' is no date", "write 2026-12-24, 12-24 for every year, or 2026-12-24..2027-01-01")
        }
    }

    // MARK: - What its runs are given

    private func readParameters(_ reader: inout MappingReader, _ pipeline: Pipeline) -> [String: String] {
        var values: [String: String] = [:]
        for entry in reader.named("params") {
            guard let parameter = parameter(named: entry.key, pipeline) else { continue }
            guard case .scalar(let text, _) = entry.value.content else {
                problems.report(
                    "a parameter must be text, not \(entry.value.kindName)", at: entry.value.location)
                continue
            }
            switch parameter.value(of: text, now: Moment(wall: now * 1000, steady: 0)) {
            // As it is written: `today` is that of the slot.
            case .success: values[parameter.name] = text
            case .failure(let fault):
                problems.report(
                    "the value of parameter '\(parameter.name)' is not valid: \(fault.message)",
                    at: entry.value.location)
            }
        }
        return values
    }

    private func parameter(named name: Located<String>, _ pipeline: Pipeline) -> Parameter? {
        if let parameter = pipeline.parameters.first(where: { $0.name == name.value }) { return parameter }
        let phrase = Suggestion.phrase(for: name.value, among: pipeline.parameters.map(\.name))
        problems.report("there is no parameter '\(name.value)'\(phrase)", at: name.location)
        return nil
    }

    /// Without a value for each parameter no run of the schedule could begin.
    private func checkValues(_ schedule: Schedule, _ pipeline: Pipeline) {
        var given = Set(schedule.parameters.keys)
        if case .after(let arrivals) = schedule.trigger, let parameter = arrivals.parameter { given.insert(parameter) }
        for parameter in pipeline.parameters where parameter.defaultValue == nil && !given.contains(parameter.name) {
            problems.report(
                "the parameter '\(parameter.name)' has no default, and the schedule gives it no value",
                remedy: "add 'params: {\(parameter.name): …}', or give the parameter a default", at: schedule.location)
        }
    }

    private func readEnvironment(_ reader: inout MappingReader, _ environments: [String]) -> String? {
        guard let text = reader.text("environment") else { return nil }
        if environments.contains(text.value) { return text.value }
        problems.report(
            "there is no environment '\(text.value)'" + Suggestion.phrase(for: text.value, among: environments),
            remedy: environments.isEmpty ? "the file has no 'environments'" : nil, at: text.location)
        return nil
    }

    // MARK: - What does not go together

    private func checkTogether(_ reader: inout MappingReader, _ schedule: Schedule, _ trigger: Schedule.Trigger?) {
        func refuse(_ key: String, _ message: String) {
            if reader.has(key) { problems.report(message, remedy: "remove it", at: reader.location(of: key)) }
        }
        switch trigger {
        case .after:
            for key in ["calendar", "jitter", "catch_up", "catch_up_window"] {
                refuse(key, "'\(key)' means nothing with 'after': whatever arrives has its run")
            }
            if schedule.overlap == .skip {
                refuse("overlap", "'overlap: skip' means nothing with 'after': whatever arrives has its run")
            }
        case .every(let seconds, _) where schedule.jitter >= .seconds(seconds):
            refuse("jitter", "'jitter' must be shorter than 'every'")
        case .cron, .every, nil: break
        }
        if schedule.catchUp == .none, reader.has("catch_up") {
            refuse("catch_up_window", "'catch_up_window' means nothing with 'catch_up: none'")
        } else if schedule.catchUpWindow < SlotDecider.usualGrace, reader.has("catch_up_window") {
            problems.report(
                "'catch_up_window' must be 1m or longer: a start within a minute is in time anyway",
                remedy: "write 'catch_up: none' to catch nothing up", at: reader.location(of: "catch_up_window"))
        }
    }

    /// The keys that decide when it fires, as lines.
    private static func definition(_ node: ConfigNode, _ zone: ZoneRules) -> String {
        let keys: Set = ["cron", "every", "anchor", "seconds", "after", "calendar"]
        let entries = (node.entries ?? []).filter { keys.contains($0.key.value) }
        let lines = ConfigNode(.mapping(entries), at: node.location).definitionLines()
        return (lines + ["timezone: \(zone.name)"]).joined(separator: "\n")
    }

    /// Starts are not put off beyond the next time, so a long jitter is not what it says.
    private func tellShortenedJitter(_ schedule: Schedule, _ table: Timetable, at location: SourceLocation) {
        guard schedule.jitter > .zero, case .cron = schedule.trigger else { return }
        var (instant, shortest) = (now, Int64.max)
        for _ in 0..<50 {
            guard let first = table.next(after: instant)?.instant, let second = table.next(after: first)?.instant
            else { break }
            (instant, shortest) = (first, min(shortest, second - first))
        }
        guard .seconds(shortest) < schedule.jitter else { return }
        problems.warn(
            "some of its times are only \(Duration.seconds(shortest).written) apart, and no start is put off beyond the next time",
            remedy: "write a 'jitter' of less than that", at: location)
    }

    private func tellOddities(_ schedule: Schedule, _ node: ConfigNode, _ zone: ZoneRules) {
        guard let table = Timetable(schedule, in: zone) else { return }
        tellShortenedJitter(schedule, table, at: node[key: "jitter"]?.location ?? schedule.location)
        let key = ["cron", "every"].first { node[key: $0].map { !$0.isEmpty } ?? false } ?? ""
        let place = node[key: key]?.location ?? schedule.location
        for oddity in table.oddities(from: now) {
            var text = Located("", at: place)
            if case .scalar(let expression, _)? = node[key: key]?.content { text.value = expression }
            let location = text.place(of: oddity.offset)
            switch oddity.weight {
            case .never: problems.report(oddity.message, remedy: oddity.remedy, at: location)
            case .odd: problems.warn(oddity.message, remedy: oddity.remedy, at: location)
            case .clockChange: problems.note(oddity.message, remedy: oddity.remedy, at: location)
            }
        }
    }
}
