/// `file`: a line of JSON for each notice, at the end of a file.
enum FileChannel: ChannelKind {
    static let typeName = "file"

    static func read(_ subject: ChannelSubject) -> [String: String]? { subject.settings("path") }

    static func dispatch(
        _ notice: Notice, _ delivery: DeliveryFacts, _ settings: [String: String]
    ) throws(Failure) -> ChannelDispatch {
        let path = PathText.absolute(settings["path"] ?? "", in: delivery.root)
        return .line(NoticeJSON(notice, delivery: delivery.id).line, file: path)
    }
}
