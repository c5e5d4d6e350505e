/// Labels for names where there is not enough room for all of them.
///
/// What many names begin with goes first, then the middle. No label can be taken for another name: whoever knows the
/// names finds the one that it stands for.
enum NameLabels {
    /// A label for each name, at most as wide as its width.
    static func make(_ names: [String], widths: [Int]) -> [String] {
        var labels = names
        var taken: Set<String> = []
        var long: [Int] = []
        for (index, name) in names.enumerated() {
            if TextWidth.of(name) <= widths[index] { taken.insert(name) } else { long.append(index) }
        }
        guard !long.isEmpty else { return names }
        let common = commonPrefix(names)
        let heads = sharedHeads(names)
        // Comparing each label with each name takes too long for thousands, which are never drawn in one picture.
        let rivals = names.count <= limitOfRivals ? names : []
        for index in long {
            let name = names[index]
            let label = forms(name, widths[index], common, heads).first { form in
                !taken.contains(form.text) && !rivals.contains { $0 != name && form.fits($0) }
            }
            labels[index] = label?.text ?? numbered(name, index, widths[index], taken)
            taken.insert(labels[index])
        }
        return labels
    }

    private static let limitOfRivals = 400
    private static let separators = "_-./"

    /// A name of which a part is left out.
    private struct Form {
        let head: String
        let tail: String
        var text: String { head + "…" + tail }

        func fits(_ name: String) -> Bool {
            name.count >= head.count + tail.count && name.hasPrefix(head) && name.hasSuffix(tail)
        }
    }

    /// The ways to shorten a name to a width, the best first.
    private static func forms(_ name: String, _ width: Int, _ common: String, _ heads: Set<String>)
        -> [Form]
    {
        guard width > 1 else { return [] }
        var forms: [Form] = []
        func addTail(after prefix: String, least: Int) {
            let tail = String(name.dropFirst(prefix.count))
            guard TextWidth.of(tail) < width, TextWidth.of(tail) >= least, let first = tail.first,
                !separators.contains(first)
            else { return }
            forms.append(Form(head: "", tail: tail))
        }
        if common.count > 2 { addTail(after: common, least: 3) }
        // A short rest says less than both ends of the name.
        for head in self.heads(of: name) where heads.contains(head) { addTail(after: head, least: width * 2 / 3) }
        // The common beginning says nothing, wherever the middle is cut.
        let rest = common.count > 2 ? String(name.dropFirst(common.count)) : name
        let room = width - 1
        for shift in 0..<max(1, room / 2) {
            for tail in Set([(room + 1) / 2 + shift, (room + 1) / 2 - shift]).sorted()
            where tail >= 0 && tail <= room {
                forms.append(Form(head: cut(name, room - tail), tail: cut(rest, tail, fromEnd: true)))
            }
        }
        return forms
    }

    /// As many characters of a text as fit into a width.
    private static func cut(_ text: String, _ width: Int, fromEnd: Bool = false) -> String {
        var taken = 0
        let characters = fromEnd ? Array(text.reversed()) : Array(text)
        let kept = characters.prefix { character in
            taken += TextWidth.of(character)
            return taken <= width
        }
        return String(fromEnd ? kept.reversed() : Array(kept))
    }

    /// Names that differ nowhere else within the width differ by their numbers.
    private static func numbered(_ name: String, _ index: Int, _ width: Int, _ taken: Set<String>)
        -> String
    {
        var number = index + 1
        while true {
            let end = "…\(number)"
            let label = cut(name, max(0, width - end.count)) + end
            if !taken.contains(label) { return label }
            number += 1
        }
    }

    /// The beginnings of a name that end at a separator, the shortest first.
    private static func heads(of name: String) -> [String] {
        name.indices.filter { separators.contains(name[$0]) }.map { String(name[...$0]) }
    }

    /// The beginnings that several names have in common.
    private static func sharedHeads(_ names: [String]) -> Set<String> {
        var counts: [String: Int] = [:]
        for name in names { for head in heads(of: name) { counts[head, default: 0] += 1 } }
        return Set(counts.filter { $0.value > 1 }.keys)
    }

    /// The beginning of all names, up to a separator; empty for a single name.
    private static func commonPrefix(_ names: [String]) -> String {
        guard names.count > 1, let first = names.first else { return "" }
        return heads(of: first).last { head in
            names.allSatisfy { $0.hasPrefix(head) && $0.count > head.count }
        } ?? ""
    }
}
