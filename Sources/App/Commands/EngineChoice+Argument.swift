import ArgumentParser
import CaudalModel

extension EngineChoice: ExpressibleByArgument {}
