import CaudalModel
@testable import Engine
import Foundation
import TestSupport
import Testing

/// What a shell makes of a line in which references stand.
@Suite("Values in lines of shell", .timeLimit(.minutes(1)))
struct ShellLineTests {
    /// One that a shell would split, expand and run, wherever it were part of the text.
    private static let value = "a  *b' \"$(echo no) `echo no` \\\\ # c"

    /// Lines that print the value, in brackets, once.
    private static let printing = [
        #"printf '[%s]' ${params.x}"#, #"printf %s "[${params.x}]""#, #"printf '[%s]' 'a'${params.x} | sed 's/^.a/[/'"#,
        #"printf '%s' '[${params.x}]'"#, "# don't split\nprintf '[%s]' \"${params.x}\"",
        #"printf '[%s]' "$${none:-${params.x}}""#,
        #"printf '[%s]' $${none:-${params.x}}"#, #"v="$(printf %s "${params.x}")"; printf '[%s]' "$v""#,
        #"printf '[%s]' "$(printf %s ${params.x})""#, #"set -- "$(printf '[%s]' "${params.x}")"; printf %s "$1""#,
        #"case ${params.x} in "a  "*) printf '[%s]' "${params.x}";; esac"#, #"(printf '[%s]' ${params.x})"#,
        #"f() { printf '[%s]' "$1"; }; f ${params.x} # it's "${params.x}"#, #"y=${params.x}; printf '[%s]' "$y""#,
        #"printf '[%s]' "${#}"${params.x} | sed 's/^.0/[/'"#, "cat <<EOF | tr -d '\\n'\n[${params.x}]\nEOF",
        "cat <<-E | tr -d '\\n'\n\t[${params.x}]\n\tE\n",
        "cat <<A >/dev/null; cat <<B | tr -d '\\n'\nit's\nA\n[${params.x}]\nB\n",
        "v=$(cat <<E\nit's\nE\n); printf '[%s]' ${params.x}",
        #"printf '[%s]' "$(( 1 << 2 ))"${params.x} | sed 's/^.4/[/'"#,
        #"bash -c 'v=$(printf "[%s]" ${params.x} $(true)); printf %s "$v"'"#,
        #"sh -c 'v="$(case a in a) (printf "[%s]" "${params.x}" $(true));; esac)"; printf %s "$v"'"#,
        #"env -i /bin/sh -c 'printf "[%s]" ${params.x}'"#,
        #"env -i bash -euo pipefail -c 'printf "[%s]" "${params.x}"'"#,
        #"true; trap 'printf "[%s]" ${params.x}' EXIT"#,
        #"sh -c 'echo "it'\''s"' > /dev/null; printf '[%s]' ${params.x}"#,
        "cat <<E | tr -d '\\n'\n$(printf '[%s]' ${params.x})\nE\n",
        #"v="$(case abc in abc) printf '[%s]' "${params.x}";; esac)"; printf %s "$v""#,
        #"v=$(case abc in (abc) printf '[%s]' ${params.x};; esac); printf %s "$v""#,
        #"bash -c 'printf "[%s]" ${params.x}'"#,
        #"sh -ec 'v="$(printf %s "${params.x}")"; printf "[%s]" "$v"'; true "${params.x}""#,
        #"eval 'printf "[%s]" "${params.x}"'"#, #"bash -c 'printf "[%s]" "$1"' _ ${params.x}"#,
        #": it\'s; printf '[%s]' ${params.x}"#,
    ]

    @Test("A value stays one word and the text that it is", arguments: ["/bin/sh", "/bin/bash"], printing)
    func whole(shell: String, line: String) async throws {
        let line = ShellLine(try Template(parsing: line))
        #expect(line.fault == nil)
        var environment = ["PATH": "/usr/bin:/bin", "CAUDAL_PARAM_X": Self.value]
        for variable in line.variables { environment[variable.name] = variable.value(Self.value) }
        let answer = try await ToolRun.output(
            of: shell, ["-c", line.text], environment: environment, reactor: ProcessReactor())
        #expect(answer.text == "[\(Self.value)]", "\(line.text)\n\(answer)")
    }

    @Test(
        "What is called like a shell, or like its words, and is none gets the value",
        arguments: [
            "yq eval '.day = \"${params.x}\"' f.yaml", "model eval \"${params.x}\"", "sh script.sh -c '${params.x}'",
            "mytrap '${params.x}'", "push -c '${params.x}'",
        ])
    func others(line: String) throws {
        let line = ShellLine(try Template(parsing: line))
        #expect(line.fault == nil && line.variables.isEmpty && line.text.contains("${CAUDAL_PARAM_X}"), "\(line.text)")
    }

    @Test("Quotes that only some shells know are followed")
    func escaped() async throws {
        let line = ShellLine(try Template(parsing: #"printf '%s' $'it\'s [' ${params.x} $'\x5d'"#))
        let answer = try await ToolRun.output(
            of: "/bin/bash", ["-c", line.text], environment: ["PATH": "/usr/bin:/bin", "CAUDAL_PARAM_X": Self.value],
            reactor: ProcessReactor())
        #expect(line.fault == nil && answer.text == "it's [\(Self.value)]", "\(answer)")
    }

    @Test(
        "A number can be computed with",
        arguments: ["echo $((${params.x} + 1))", "y=$(( (${params.x}) * 2 - 5 )); echo $y"])
    func arithmetic(line: String) async throws {
        let text = ShellLine(try Template(parsing: line)).text
        let answer = try await ToolRun.output(
            of: "/bin/sh", ["-c", text], environment: ["PATH": "/usr/bin:/bin", "CAUDAL_PARAM_X": "5"],
            reactor: ProcessReactor())
        #expect(["5", "6"].contains(answer.text.trimmed), "\(text)\n\(answer)")
    }

    @Test(
        "Where a shell does not put in the value, or would split it, is refused",
        arguments: [
            ("cat <<'EOF'\n${params.x}\nEOF\n", "here-document whose end 'EOF' is quoted"),
            ("cat <<\\\\EOF\n${params.x}\nEOF\n", "here-document whose end 'EOF' is quoted"),
            (#"echo "`echo ${params.x}`""#, "between backticks"),
            (#"echo "\${params.x}""#, "a backslash stands before"),
            ("bash -c 'echo '\\''${params.x}'\\'''", "a shell inside of the line"),
            ("bash -c 'echo `echo ${params.x}`'", "between backticks"),
            ("/bin/sh -ec \"echo ${params.x}\"", "a shell inside"),
            ("true && eval 'echo' \"${params.x}\"; eval \"echo ${params.x}\"", "a shell inside"),
            (#"echo "${params.x}"#, "do not end"), (#"echo $(echo ${params.x}"#, "do not end"),
        ])
    func refused(line: String, words: String) throws {
        let fault = ShellLine(try Template(parsing: line)).fault
        #expect(fault?.message.contains(words) == true, "\(String(describing: fault))")
    }
}
