/// When a pipeline runs by itself, and what becomes of the times at which it could not.
package struct Schedule: Sendable, Equatable {
    /// What makes it fire.
    package enum Trigger: Sendable, Equatable {
        case cron(CronExpression)
        /// Every so many seconds, once at a local time of its zone.
        case every(seconds: Int64, anchor: LocalTime)
        case after(Arrivals)
    }

    /// What others bring: it fires once for each.
    package struct Arrivals: Sendable, Equatable {
        /// Data that another pipeline publishes.
        package struct Source: Sendable, Hashable {
            package var pipeline: String
            package var dataset: String

            package init(pipeline: String, dataset: String) {
                self.pipeline = pipeline
                self.dataset = dataset
            }
        }

        package var datasets: [Located<Source>]
        /// Patterns of files; each content of a file counts once.
        package var files: [Located<String>]
        /// How long a file must not change before it counts.
        package var settle: Duration
        /// The parameter that is given what arrived: the path of a file, or the run that published a dataset.
        package var parameter: String?

        package init(
            datasets: [Located<Source>], files: [Located<String>], settle: Duration, parameter: String? = nil
        ) {
            self.datasets = datasets
            self.files = files
            self.settle = settle
            self.parameter = parameter
        }
    }

    /// What is done about times that passed while nothing could run.
    package enum CatchUp: String, Sendable, CaseIterable {
        /// Nothing: they are recorded as missed.
        case none
        /// The last one runs, the others are recorded as missed.
        case latest
        /// All run, one after another.
        case all
    }

    /// What is done when a run of the pipeline still goes on.
    package enum Overlap: String, Sendable, CaseIterable {
        /// The time is skipped.
        case skip
        /// It waits for the run to end; only the newest does.
        case wait
        /// It runs beside.
        case allow
    }

    /// Its name among the schedules of its pipeline.
    package var name: String
    package var trigger: Trigger
    /// The IANA name of the zone whose clock it goes by.
    package var timezone: String
    /// Values for parameters of the pipeline.
    package var parameters: [String: String]
    /// The environment that its runs are resolved for, if not the file's own values.
    package var environment: String?
    /// Days that are left out and taken in.
    package var calendar: ScheduleCalendar?
    /// Starts are put off by less than this, each by another time that is always the same for it.
    package var jitter: Duration
    package var catchUp: CatchUp
    /// How old a time may be that is caught up.
    package var catchUpWindow: Duration
    package var overlap: Overlap
    /// How long after its time a run must have succeeded, or is told to be late.
    package var deadline: Duration?
    /// Whether it fires at all.
    package var isEnabled: Bool
    /// What decides when it fires, as text: another text is another schedule, of which no past is known.
    package var definition: String
    /// Where it is written.
    package var location: SourceLocation

    /// The name of a schedule that has none of its own.
    package static let usualName = "default"
    /// How old a time may be that is caught up, unless the file says otherwise.
    package static let usualWindow = Duration.seconds(86_400)

    package init(
        name: String = usualName, trigger: Trigger, timezone: String = "UTC", parameters: [String: String] = [:],
        environment: String? = nil, calendar: ScheduleCalendar? = nil, jitter: Duration = .zero,
        catchUp: CatchUp = .latest, catchUpWindow: Duration = usualWindow, overlap: Overlap = .skip,
        deadline: Duration? = nil, isEnabled: Bool = true, definition: String = "", location: SourceLocation
    ) {
        self.name = name
        self.trigger = trigger
        self.timezone = timezone
        self.parameters = parameters
        self.environment = environment
        self.calendar = calendar
        self.jitter = jitter
        self.catchUp = catchUp
        self.catchUpWindow = catchUpWindow
        self.overlap = overlap
        self.deadline = deadline
        self.isEnabled = isEnabled
        self.definition = definition
        self.location = location
    }
}
