/// Labels for names where there is not enough room for all of them.
///
/// What all names have in the same place goes first, then what several begin with, then the middle. No label can be taken
/// for another name, whether that one is on the screen or not: whoever knows the names finds the one that it stands for.
struct NameLabels: Sendable {
    private let names: [String]
    private let shared: Shared
    private let rivals: LabelRivals

    init(_ names: [String]) {
        self.names = names
        shared = Shared(names)
        rivals = LabelRivals(names)
    }

    /// A label for a name, by its place, at most as wide as a width.
    func label(_ index: Int, width: Int) -> String {
        let name = names[index]
        guard TextWidth.of(name) > width else { return name }
        let form = Self.forms(name, width, shared).first { form in
            TextWidth.of(form.text) <= width && !rivals.hasOther(than: index, fitting: form.parts)
        }
        guard let form else { return Self.numbered(name, index, width) }
        return Self.widened(form, name, width, shared).text
    }

    /// A form with more of the name, where there is room: whole words before its end and behind its beginning, then letters;
    /// but nothing of what most names have.
    ///
    /// What fits it fitted the shorter form too, so that it can be taken for no other name.
    private static func widened(_ form: Form, _ name: String, _ width: Int, _ shared: Shared) -> Form {
        if form.parts.count == 3, form.parts[2].isEmpty { return widenedInMiddle(form, name, width, shared) }
        guard form.parts.count == 2 else { return form }
        var (head, tail) = (form.parts[0], form.parts[1])
        func room() -> Int { width - 1 - TextWidth.of(head) - TextWidth.of(tail) }
        // What lies between its two parts.
        func middle() -> Substring { name.dropFirst(head.count).dropLast(tail.count) }
        let common = Set(shared.words.values)
        func next(_ word: String?) -> String? {
            word.flatMap { !common.contains($0) && middle().count > $0.count ? $0 : nil }
        }
        while let word = next(words(of: String(middle())).last), TextWidth.of(word) <= room() { tail = word + tail }
        while let word = next(words(of: String(middle())).first), TextWidth.of(trimmed(word)) <= room() {
            head += TextWidth.of(word) <= room() ? word : trimmed(word)
            if !head.hasSuffix(word) { break }
        }
        if room() >= 3, next(words(of: String(middle())).last) != nil {
            let letters = String(middle()).last(cells: room())
            if letters.count < middle().count { tail = letters + tail }
        }
        return Form(parts: [head.isEmpty ? head : trimmed(head), tail])
    }

    /// A form of which both ends are left out, with the words around its middle, where there is room.
    private static func widenedInMiddle(_ form: Form, _ name: String, _ width: Int, _ shared: Shared) -> Form {
        let (words, common) = (words(of: name), Set(shared.words.values))
        guard let place = words.lastIndex(where: { trimmed($0) == form.parts[1] }) else { return form }
        var (form, first, last) = (form, place, place)
        func made(_ first: Int, _ last: Int) -> Form {
            let isEnd = last == words.count - 1
            let middle = words[first...last].joined()
            return Form(parts: [form.parts[0], isEnd ? middle : trimmed(middle)] + (isEnd ? [] : [""]))
        }
        // What stands at its beginning already is not said again.
        let least = form.parts[0].isEmpty ? 1 : 2
        while true {
            let wider = [(first, last + 1), (first - 1, last)].first { first, last in
                first >= least && last < words.count && !common.contains(words[first]) && !common.contains(words[last])
                    && TextWidth.of(made(first, last).text) <= width
            }
            guard let wider else { return form }
            (first, last) = wider
            form = made(first, last)
        }
    }

    private static let separators = "_-./"

    /// A name of which parts are left out: what is left, in its order.
    private struct Form {
        let parts: [String]
        var text: String { parts.joined(separator: "…") }
    }

    /// What the names have in common.
    private struct Shared {
        /// The words that most names have in the same place, by their place.
        var words: [Int: String] = [:]
        /// The beginnings that several names have.
        var heads: Set<String> = []
        /// In how many names each word is.
        var counts: [String: Int] = [:]

        init(_ names: [String]) {
            guard names.count > 1 else { return }
            var places: [Int: [String: Int]] = [:]
            var beginnings: [String: Int] = [:]
            for name in names {
                let words = NameLabels.words(of: name)
                for (place, word) in words.enumerated() { places[place, default: [:]][word, default: 0] += 1 }
                for word in Set(words) { counts[word, default: 0] += 1 }
                for head in NameLabels.heads(of: name) { beginnings[head, default: 0] += 1 }
            }
            heads = Set(beginnings.filter { $0.value > 1 }.keys)
            let most = max(2, (names.count * 3 + 3) / 4)
            for (place, counts) in places { words[place] = counts.first { $0.value >= most }?.key }
        }
    }

    /// The words of a name, each with the separator behind it.
    private static func words(of name: String) -> [String] {
        var words: [String] = [""]
        for character in name {
            words[words.count - 1].append(character)
            if separators.contains(character) { words.append("") }
        }
        return words.filter { !$0.isEmpty }
    }

    /// The ways to shorten a name, the best first; some may be too long.
    private static func forms(_ name: String, _ width: Int, _ shared: Shared) -> [Form] {
        guard width > 1 else { return [] }
        let words = words(of: name)
        let isShared = words.indices.map { shared.words[$0] == words[$0] }
        var forms: [Form] = []
        if let form = withoutShared(words, isShared, width) { forms.append(form) }
        // A short rest says less than both ends of the name. What all have says nothing at its beginning either.
        var head = ""
        for (place, word) in words.dropLast().enumerated() {
            head += word
            let tail = String(name.dropFirst(head.count))
            guard !isShared[place + 1], shared.heads.contains(head), TextWidth.of(tail) * 3 >= width * 2,
                let first = tail.first, !separators.contains(first)
            else { continue }
            forms.append(Form(parts: ["", tail]))
        }
        forms += withRarest(words, shared)
        // The common beginning says nothing, wherever the middle is cut.
        let common = words.indices.first { !isShared[$0] }.map { words[..<$0].joined() } ?? ""
        let rest = common.count > 2 ? String(name.dropFirst(common.count)) : name
        let room = width - 1
        for shift in 0..<max(1, room / 2) {
            for tail in Set([(room + 1) / 2 + shift, (room + 1) / 2 - shift]).sorted()
            where tail >= 0 && tail <= room {
                forms.append(Form(parts: [name.first(cells: room - tail), rest.last(cells: tail)]))
            }
        }
        return forms
    }

    /// The name without the words that most names have in the same place: of these, no more than it takes to fit.
    private static func withoutShared(_ words: [String], _ isShared: [Bool], _ width: Int) -> Form? {
        var runs: [Range<Int>] = []
        for place in words.indices where isShared[place] {
            if let last = runs.last, last.upperBound == place {
                runs[runs.count - 1] = last.lowerBound..<(place + 1)
            } else {
                runs.append(place..<(place + 1))
            }
        }
        func length(_ run: Range<Int>) -> Int { TextWidth.of(words[run].joined()) }
        let order = runs.filter { length($0) >= 3 && $0.count < words.count }.sorted { length($0) > length($1) }
        for count in order.indices.map({ $0 + 1 }) {
            var parts: [String] = []
            var start = 0
            for run in order.prefix(count).sorted(by: { $0.lowerBound < $1.lowerBound }) {
                parts.append(trimmed(words[start..<run.lowerBound].joined()))
                start = run.upperBound
            }
            let form = Form(parts: parts + [words[start...].joined()])
            if TextWidth.of(form.text) <= width { return form }
        }
        return nil
    }

    /// The rarest words of the name, with what is around them where there is room.
    private static func withRarest(_ words: [String], _ shared: Shared) -> [Form] {
        guard words.count > 2 else { return [] }
        let order = words.indices.sorted {
            (shared.counts[words[$0], default: 0], $0) < (shared.counts[words[$1], default: 0], $1)
        }
        return order.prefix(2).flatMap { place -> [Form] in
            let word = trimmed(words[place])
            guard TextWidth.of(word) >= 2 else { return [] }
            let first = trimmed(words[0])
            let isLast = place == words.count - 1
            let end = isLast ? [] : [""]
            let both = words[place...].joined()
            var forms: [Form] = []
            if place > 1 { forms += [Form(parts: [first, both]), Form(parts: [first, word] + end)] }
            if place > 0 { forms += [Form(parts: ["", both]), Form(parts: ["", word] + end)] }
            if place == 0 { forms.append(Form(parts: [word] + end)) }
            return forms
        }
    }

    /// A text without the separator at its end.
    private static func trimmed(_ text: String) -> String {
        guard let last = text.last, separators.contains(last), text.count > 1 else { return text }
        return String(text.dropLast())
    }

    /// Whether a label tells its name from others by nothing but a number.
    static func isNumbered(_ label: String) -> Bool {
        guard let sign = label.lastIndex(of: "#"), label[..<sign].hasSuffix("…") else { return false }
        return label[sign...].dropFirst().allSatisfy(\.isWholeNumber)
    }

    /// Names that differ nowhere else within the width differ by their number among all, behind a sign that no name has
    /// before it.
    private static func numbered(_ name: String, _ index: Int, _ width: Int) -> String {
        let end = "…#\(index + 1)"
        return name.first(cells: max(0, width - end.count)) + end
    }

    /// The beginnings of a name that end at a separator, the shortest first.
    private static func heads(of name: String) -> [String] {
        name.indices.filter { separators.contains(name[$0]) }.map { String(name[...$0]) }
    }
}
