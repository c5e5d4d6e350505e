package import CaudalModel
import Engine

/// The engine's progress under a name that Foundation has not taken.
package typealias StageProgress = Progress
