import CSystem
import Foundation

/// What the machine allows this process: too little is told before anything begins.
///
/// The runtime stops the program in the middle, or waits for ever, for a thread, a descriptor or memory that it cannot have.
package enum MachineLimits {
    /// What a program needs besides what it has.
    package struct Requirement: Sendable {
        package var threads: Int
        package var files: Int
        /// Of its address space, in bytes.
        package var memory: Int

        package init(threads: Int, files: Int, memory: Int) {
            self.threads = threads
            self.files = files
            self.memory = memory
        }
    }

    /// Takes as many open files as the machine lets this process have, and makes sure that there is what it needs.
    ///
    /// Programs that it starts have the limit of open files that it was started with: some work through all of them.
    /// - Throws: ``Failure`` that names what there is too little of.
    package static func ensure(_ need: Requirement) throws(Failure) {
        cs_files_raise()
        let files = cs_files_probe(Int32(need.files))
        if files != 0 {
            throw Failure(
                "this machine lets caudal open too few files: \(need.files) are needed beside those that are open: "
                    + String(cString: strerror(-files)),
                remedy: "raise the limit on open files with 'ulimit -n 1024'")
        }
        let memory = cs_memory_probe(need.memory)
        if memory != 0 {
            throw Failure(
                "this machine gives caudal too little memory: it needs \(need.memory >> 20) MiB of address space: "
                    + String(cString: strerror(-memory)),
                remedy: "raise the limit with 'ulimit -v \((need.memory * 2) >> 10)'")
        }
        try ServiceThread.ensure(need.threads)
    }
}
