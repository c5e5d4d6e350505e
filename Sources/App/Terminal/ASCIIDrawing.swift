/// ASCII replacements for the other characters that are drawn.
enum ASCIIDrawing {
    /// The text with all other than ASCII characters replaced.
    static func text(of text: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            shown.append(scalar.value > 0x7E ? replacement(for: scalar.value) : scalar)
        }
        return String(shown)
    }

    static func replacement(for value: UInt32) -> Unicode.Scalar {
        switch value {
        case 0x2500, 0x2501, 0x2504, 0x2505, 0x254C, 0x2508: "-"
        case 0x2502, 0x2503, 0x2506, 0x2507, 0x258C, 0x2590: "|"
        case 0x250C...0x254B, 0x256D...0x2570: "+"
        // Halves of lines.
        case 0x2574, 0x2576, 0x2578, 0x257A, 0x257C, 0x257E: "-"
        case 0x2575, 0x2577, 0x2579, 0x257B, 0x257D, 0x257F: "|"
        case 0x25B8, 0x25B6, 0x00BB: ">"
        case 0x25C2, 0x2039: "<"
        case 0x203A: ">"
        case 0x25B4: "^"
        case 0x25BE: "v"
        case 0x22EF: "~"
        case 0x2588, 0x2589, 0x258A, 0x258B: "#"
        case 0x258D, 0x258E, 0x258F: "|"
        case 0x2591: "."
        case 0x2592: "="
        case 0x2593: "%"
        case 0x259A: "x"
        case 0x2581: "_"
        case 0x2582: "."
        case 0x2583: ":"
        case 0x2584: "-"
        case 0x2585: "="
        case 0x2586: "+"
        case 0x2587: "*"
        case 0x2026: "~"
        case 0x25CF: "o"
        case 0x25C6, 0x2022: "*"
        case 0x00B1: "+"
        case 0x2260: "!"
        case 0x2248: "~"
        case 0x2205: "0"
        case 0x25F7: "o"
        // Pictures of control characters.
        case 0x2400...0x2426: "^"
        case 0x00B7: "."
        case 0x00D7: "x"
        case 0x2014, 0x2013, 0x2212: "-"
        case 0x21E3, 0x2193: "v"
        case 0x2191: "^"
        case 0x2192: ">"
        case 0x2190: "<"
        case 0x23CE: "^"
        case 0x2265: ">"
        case 0x2264: "<"
        case 0x276F: ">"
        case 0x2713: "v"
        case 0x2717: "x"
        case 0x21BB: "r"
        case 0x2296: "b"
        case 0x2298: "s"
        case 0x2297: "c"
        case 0x25CB: "o"
        case 0x2016: "p"
        case 0x2800...0x28FF: "@"
        default: "?"
        }
    }
}
