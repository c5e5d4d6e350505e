import CaudalModel
import Engine
import Foundation
import TestSupport
import Testing

/// A text is filled, or refused: a reference that nobody replaces and a value that is none end green with wrong data.
@Suite("Texts of pipeline files", .timeLimit(.minutes(15)))
struct TextFaultsTests {
    /// What is wrong with a pipeline file, each with its place.
    private func faults(_ yaml: String, variables: [String: String] = [:]) throws -> [String] {
        let folder = try ScratchFolder()
        do {
            let loaded = try LoadedPipeline(yaml: yaml, in: folder, variables: variables)
            _ = try Planner(
                loaded, request: RunRequest(), now: Moment(wall: 0, steady: 0), machine: Resources()
            ).plan()
            return []
        } catch let error as InvalidPipeline {
            return error.errors.map { "\($0.location.line):\($0.location.column): \($0.message)" }
        }
    }

    /// A pipeline with a stage of each type, into which a text goes in place of `@`.
    private static let template = """
        description: "about ${params.nobody}"
        params: {day: {type: string, default: mon, description: "as ${env.NOBODY}"}}
        datasets:
          in: {path: in.csv}
          clean: {path: clean.csv}
          out: {path: out.csv}
        stages:
          c: {type: command, run: "true"}

        """

    private func process(_ step: String) -> String {
        Self.template + "  p: {type: process, input: in, output: out, steps: [\(step)]}\n"
    }

    private func check(_ check: String) -> String {
        Self.template + "  k: {type: check, input: in, checks: [\(check)]}\n"
    }

    private func command(_ settings: String) -> String {
        Self.template + "  s: {type: command, run: 'true', \(settings)}\n"
    }

    private func top(_ settings: String) -> String { settings + "\n" + Self.template }

    // MARK: - References

    @Test("References in a list of 'foreach' are filled, and one that is not known is refused at its place")
    func foreachLists() throws {
        #expect(
            try faults(command(#"foreach: {x: ["${params.day}", "${env.WHO}", plain]}"#), variables: ["WHO": "a"]) == []
        )
        for (value, words) in [
            ("${params.nope}", "there is no parameter 'nope'"), ("${env.NOPE}", "'NOPE' is not set"),
            ("${foo.bar}", "'${foo.bar}' is not known"), ("${item.x}", "'${item.x}' is not known yet"),
            ("${stage.output}", "'${stage.output}' is not known yet"),
            ("${input.in}", "'${input.in}' is not known yet"),
        ] {
            let found = try faults(command(#"foreach: {x: [plain, "\#(value)"]}"#))
            #expect(found.count == 1 && found[0].hasPrefix("11:57: ") && found[0].contains(words), "\(value): \(found)")
        }
    }

    @Test("A secret is no value of an item, which is recorded")
    func secretItems() throws {
        let found = try faults(command(#"foreach: {x: [a, "${env.API_TOKEN}"]}"#), variables: ["API_TOKEN": "hunter22"])
        #expect(found.count == 1 && found[0].contains("'API_TOKEN' is a secret"), "\(found)")
        let named = try faults(
            top("secrets: [day]") + #"  s: {type: command, run: 'true', foreach: {x: ["${params.day}"]}}"#)
        #expect(named.count == 1 && named[0].contains("'day' is a secret"), "\(named)")
    }

    @Test("A reference in a text where nothing is replaced is refused at its place")
    func unfilled() throws {
        let r = "${params.day}"
        let texts = [
            process("{map_values: {column: a, values: {'\(r)': b}}}"),
            process("{map_values: {column: a, values: {b: '\(r)'}}}"),
            process("{map_values: {column: a, values: {b: c}, otherwise: '\(r)'}}"),
            process("{fill_missing: {a: '\(r)'}}"), process("{fill_missing: {sum: '\(r)'}}"),
            process("{rename: {a: '\(r)'}}"),
            process("{split: {column: a, separator: '\(r)', into: [b, c]}}"),

            check("{accepted_values: a, in: ['\(r)']}"), check("{matches: a, pattern: '\(r)'}"),
            check("{range: a, min: '\(r)'}"),

            top("secrets: ['\(r)']"), top("schedule: {cron: '\(r)'}"), top("pools: {'\(r)': 1}"),
            Self.template.replacing("default: mon", with: "default: '\(r)'"),
            Self.template.replacing("in.csv", with: "in.csv, csv: {null: '\(r)'}"),
            Self.template.replacing("in.csv", with: "in.csv, csv: {null: [x, '\(r)']}"),
            Self.template.replacing("in.csv", with: "in.csv, csv: {columns: ['\(r)']}"),
            Self.template.replacing("in.csv", with: "in.csv, schema: '\(r).json'"),
            command("pool: '\(r)'"), command("group: '\(r)'"), command("needs: '\(r)'"),
        ]
        for text in texts {
            let found = try faults(text)
            #expect(found.contains { $0.contains(r) || $0.contains("csv: {") }, "\(text): \(found)")
        }
        // A column that is there may be called so.
        for text in [process("{drop: '\(r)'}"), process("{fill_missing: {'\(r)': 1}}"), check("{unique: ['\(r)', b]}")]
        {
            #expect(try faults(text) == [])
        }
        // What stands in quotation marks of an expression is text.
        let quoted = try faults(process(#"{filter: "day = '${params.day}'"}"#))
        #expect(quoted.count == 1 && quoted[0].contains("is in quotation marks"), "\(quoted)")
    }

    @Test("What belongs to no stage may mention parameters and variables that there are, and no item")
    func outsideStages() throws {
        for (place, line) in [
            ("env: {A: '@'}", 1), ("notify: [{on: failed, command: 'tell @'}]", 1),
            ("connections: {db: {type: sqlite, path: '@.db'}}", 1),
        ] {
            for (reference, words) in [
                ("${params.nope}", "there is no parameter 'nope'"), ("${item.x}", "is only known within a stage"),
            ] {
                let found = try faults(top(place.replacing("@", with: reference)))
                #expect(
                    found.count == 1 && found[0].hasPrefix("\(line + 2):") && found[0].contains(words),
                    "\(place): \(found)")
            }
        }
        #expect(try faults(top("env: {A: '${params.day}'}")) == [])
        #expect(try faults(top("env: {A: '${env.NOPE}'}")).first?.contains("'NOPE' is not set") == true)
        for reference in ["${item.x}", "${run.id}", "${stage.output}"] {
            let found = try faults(command("foreach: {x: [a]}, if: '\(reference) == a'"))
            #expect(found.count == 1 && found[0].contains("not known yet where 'if' is decided"), "\(found)")
        }
        #expect(try faults(command("if: '${env.NOPE} == 1'")).first?.contains("'NOPE' is not set") == true)
    }

    // MARK: - Values that are none

    @Test("An empty text is refused wherever it can mean nothing")
    func empty() throws {
        let texts = [
            top("secrets: ['']"), top("secrets: [A, '']"), top("timezone: ''"), top("overlap: ''"),
            top("notify: [{on: failed, command: ''}]"), top("notify: [{on: failed, command: '  '}]"),
            top("notify: [{on: failed, webhook: ''}]"), top("schedule: {cron: ''}"),
            top("schedule: {cron: '0 6 * * *', timezone: ''}"),
            top("connections: {db: {type: sqlite, path: ''}}"),
            top("connections: {db: {type: postgres, database: ''}}"),
            top("connections: {db: {type: postgres, database: d, host: ''}}"),
            Self.template.replacing("in.csv", with: "''"), Self.template.replacing("in.csv", with: "' '"),
            Self.template.replacing("in.csv", with: "in.csv, schema: ''"),
            Self.template.replacing("in.csv", with: "in.csv, format: ''"),
            Self.template.replacing("in.csv", with: "in.csv, csv: {delimiter: ''}"),
            Self.template.replacing("in.csv", with: "in.csv, csv: {columns: ['', b]}"),
            command("needs: ['']"), command("inputs: ['']"), command("output: ''"), command("pool: ''"),
            command("group: ''"), command("if: ''"), command("timeout: ''"), command("progress: ''"),
            command("foreach: {x: {files: ''}}"), command("foreach: {x: {sql: ''}}"),
            command("foreach: {x: {days: {from: '', to: today}}}"),
            process("{drop: ''}"), process("{select: [a, '']}"), process("{rename: {a: ''}}"), process("{trim: ['']}"),
            process("{split: {column: a, separator: '', into: [b, c]}}"),
            process("{split: {column: a, separator: ',', into: [b, '']}}"), process("{deduplicate: {by: ['']}}"),
            process("{deduplicate: {by: a, order_by: ''}}"), process("{filter: ''}"), process("{derive: {a: ''}}"),
            process("{cast: {a: ''}}"), process("{sql: ''}"), process("{map_values: {column: '', values: {a: b}}}"),
            check("{matches: a, pattern: ''}"), check("{not_null: ''}"), check("{unique: [a, '']}"),
            check("{row_count: {min: 1}, where: ''}"), check("{row_count: {min: 1}, partition_by: ''}"),
            check("{row_count: {min: 1}, id: ''}"), check("{foreign_key: a, dataset: ''}"),
            check("{foreign_key: a, dataset: out, column: ''}"), check("{anomaly: {sum: ''}}"), check("{anomaly: ''}"),
            Self.template + "  r: {type: report, output_dir: ''}\n",
            Self.template + "  r: {type: report, formats: []}\n",
            Self.template + "  v: {type: validate, input: in, output: out, quarantine: ''}\n",
            Self.template
                + "  e: {type: enrich, input: in, output: out, lookups: [{dataset: clean, on: '', add: b}]}\n",
            Self.template
                + "  e: {type: enrich, input: in, output: out, lookups: [{dataset: clean, on: a, add: ['']}]}\n",
            Self.template + "  q: {type: sql, output: out, query: ''}\n",
            command("retry: {limit: 1, on_exit: []}"), process("{trim: []}"),
        ]
        for text in texts { #expect(try faults(text).isEmpty == false, "\(text)") }
    }

    @Test("An empty text stays a value where data may hold one")
    func emptyValues() throws {
        for text in [
            process("{fill_missing: {a: ''}}"), process("{map_values: {column: a, values: {'': none, b: ''}}}"),
            check("{accepted_values: a, in: ['', b]}"), top("env: {A: ''}"), command("env: {A: ''}"),
            Self.template.replacing("default: mon", with: "default: ''"),
            Self.template.replacing("type: string, default: mon", with: "type: enum, values: ['', a], default: ''"),
            Self.template.replacing("in.csv", with: "in.csv, csv: {null: ''}"), command("foreach: {x: ['', a]}"),
            command("description: ''"),
        ] {
            #expect(try faults(text) == [], "\(text)")
        }
    }

    @Test(
        "Values that can never do what they are written for are refused",
        arguments: [
            ("progress: 'abc'", "'progress' has 0 groups, and needs one or two"),
            ("progress: '(a)(b)(c)'", "'progress' has 3 groups"),
            (
                "foreach: {d: {days: {from: 2026-11-05, to: 2026-11-01}}}",
                "the days end on 2026-11-01, before they begin"
            ),
            ("foreach: {d: {days: {from: today, to: yesterday}}}", "the days end yesterday"),
            ("foreach: {d: {days: {from: 2026-11-31, to: today}}}", "'2026-11-31' is not a date"),
        ])
    func neverWorks(settings: String, words: String) throws {
        let found = try faults(command(settings))
        #expect(found.count == 1 && found[0].contains(words), "\(found)")
    }

    @Test("A webhook is an address")
    func webhooks() throws {
        for text in ["nope", "ftp://x", "//host/x", "mailto:ann"] {
            let found = try faults(top("notify: [{on: failed, webhook: '\(text)'}]"))
            #expect(found.count == 1 && found[0].contains("'webhook' must be an address, not '\(text)'"), "\(found)")
        }
        for text in ["https://x/y", "HTTP://x", "${env.HOOK}"] {
            #expect(try faults(top("notify: [{on: failed, webhook: '\(text)'}]")) == [])
        }
    }
}
