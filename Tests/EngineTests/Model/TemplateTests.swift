import CaudalModel
import Engine
import Testing

@Suite(.timeLimit(.minutes(15))) struct TemplateTests {
    @Test("References are cut out, and everything else stays as it is")
    func parsing() throws {
        let template = try Template(parsing: "a ${params.day}/${item.region}${run.id} $HOME ${HOME} ${run.started}")
        #expect(template.references == [.param("day"), .item("region"), .runID, .runStarted])
        #expect(template.itemVariables == ["region"])
        #expect(template.filled { "<\($0)>" } == "a <params.day>/<item.region><run.id> $HOME ${HOME} <run.started>")
    }

    @Test("'$${' stands for a plain '${' and is no reference")
    func escape() throws {
        let template = try Template(parsing: "$${params.day} $$ ${env.HOME} $$${params.x}")
        #expect(template.references == [.environment("HOME")])
        #expect(template.filled { _ in "home" } == "${params.day} $$ home $${params.x}")
    }

    @Test("A description is read back as the same template")
    func description() throws {
        for text in ["", "plain", "${stage.output}", "a${params.x}b$${c.d}e", "$${", "${x}", "$$${x.y}"] {
            let template = try Template(parsing: text)
            #expect(try Template(parsing: template.description).filled { "<\($0)>" } == template.filled { "<\($0)>" })
        }
    }

    @Test(
        "What is not known is refused at its character",
        arguments: [
            ("ab ${params.day", 3), ("${foo.bar}", 0), ("x${run.date}", 1), ("${params.}", 0), ("é${.}", 1),
            ("${stage.input}", 0),
        ])
    func faults(_ text: String, _ offset: Int) {
        let fault = #expect(throws: Template.Fault.self) { try Template(parsing: text) }
        #expect(fault?.offset == offset)
    }

    @Test("What is known is filled, and the rest stays a reference")
    func partlyFilled() throws {
        let template = try Template(parsing: "${params.day}/${item.region}").partlyFilled {
            if case .param = $0 { "today" } else { nil }
        }
        #expect(template.description == "today/${item.region}")
    }
}
