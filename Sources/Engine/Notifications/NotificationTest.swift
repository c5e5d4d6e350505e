extension OutboxSender {
    /// Sends a notice that says that it is a test, at once and past the outbox.
    ///
    /// - Returns: Why it could not be sent; nil when it was.
    package func test(
        _ rule: NotificationRule, _ occasion: NotificationRule.Occasion, of pipeline: Pipeline
    ) async -> String? {
        let time = now().wall
        let notice = Notice(testing: rule, occasion, of: pipeline, host: carrier.host, at: time)
        var delivery = Delivery(of: notice, through: rule.channel, file: pipeline.file, root: pipeline.root)
        delivery.run = nil
        let defaults = Dictionary(
            pipeline.parameters.map { ($0.name, $0.defaultValue ?? "") }, uniquingKeysWith: { first, _ in first })
        switch await carrier.carry(delivery, isTakenOver: false, parameters: defaults, at: time) {
        case .sent: return nil
        case .failed(let reason), .refused(let reason): return reason
        }
    }
}

extension Notice {
    /// What a notice of an occasion may look like.
    fileprivate init(
        testing rule: NotificationRule, _ occasion: NotificationRule.Occasion, of pipeline: Pipeline, host: String,
        at time: Int64
    ) {
        let stage = rule.stage ?? pipeline.stages.last?.id
        let isOfRun = [.started, .succeeded, .recovered, .cancelled, .late, .missed].contains(occasion)
        self.init(
            id: "test \(time) \(occasion.rawValue)", occasion: occasion, pipeline: pipeline.name,
            environment: pipeline.chosenEnvironment, stage: rule.stage ?? (isOfRun ? nil : stage), at: time,
            root: pipeline.root, host: host)
        ruleStage = rule.stage
        isTest = true
        details = ["this is a test: nothing has happened"]
        switch occasion {
        case .failed, .retrying:
            let message = "exit status 1: this is what a failure looks like"
            var failed = Failed(message: message, fingerprint: FailureFingerprint(message).id)
            failed.lines = ["the last lines of the stage", "stand here"]
            failed.history = "not seen before"
            self.failed = failed
        case .recovered: (since, failedRuns) = (time - 3_600_000, 2)
        case .succeeded, .started, .cancelled, .late, .missed, .checkWarned: break
        }
    }
}
