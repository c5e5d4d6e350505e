/// `command`: a command line, run by a shell in the project's root.
///
/// It gets the notice as variables, and as JSON in the file `CAUDAL_NOTICE_FILE`. References in the line become
/// variables too, so that no value becomes part of the line.
enum CommandChannel: ChannelKind {
    static let typeName = "command"
    static let keepsReferences: Set = ["run"]

    static func read(_ subject: ChannelSubject) -> [String: String]? { subject.settings("run") }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch {
        let line: Template
        do { line = try Template(parsing: settings["run"] ?? "") } catch { throw Failure(error.message) }
        let text = NoticeText(notice)
        var variables = [
            "CAUDAL_EVENT": notice.occasion.rawValue, "CAUDAL_PIPELINE": notice.pipeline,
            "CAUDAL_DELIVERY_ID": delivery.id, "CAUDAL_TITLE": text.title, "CAUDAL_MESSAGE": text.plain,
        ]
        variables["CAUDAL_RUN_ID"] = notice.run?.rawValue
        variables["CAUDAL_STAGE"] = notice.stage?.rawValue
        return .command(line, text: NoticeJSON(notice, delivery: delivery.id).line, variables: variables)
    }
}
