package import CaudalModel
import CSystem
import Foundation

/// Checks the resource limits and the surroundings of this process before anything begins.
///
/// Without a thread, descriptor or memory that it needs, the Swift runtime would crash the process or hang.
package enum MachineLimits {
    /// What the process needs in addition to what it uses.
    package struct Requirement: Sendable {
        package var threads: Int
        package var files: Int
        /// Address space in bytes.
        package var memory: Int

        package init(threads: Int, files: Int, memory: Int) {
            self.threads = threads
            self.files = files
            self.memory = memory
        }
    }

    /// Raises the limit of open files to the maximum, and ensures that the required resources are available.
    ///
    /// Child processes get the original limit of open files: some programs close every possible descriptor.
    ///
    /// - Throws: ``Failure`` that names the resource that is too scarce.
    package static func ensure(_ need: Requirement) throws(Failure) {
        cs_files_raise()
        let files = cs_files_probe(Int32(need.files))
        if files != 0 {
            throw Failure(
                "this machine lets caudal open too few files: \(need.files) are needed besides those that are open: "
                    + Failure.words(ofErrno: -files),
                remedy: "raise the limit on open files with 'ulimit -n 1024'")
        }
        let size = cs_file_size_limit()
        if size >= 0, size < 1 << 20 {
            throw Failure(
                "this machine lets caudal write no file of more than \(size) bytes",
                remedy: "raise the limit with 'ulimit -f unlimited'")
        }
        try ensureSurroundings()
        let memory = cs_memory_probe(need.memory)
        if memory != 0 {
            throw Failure(
                "this machine gives caudal too little memory: it needs \(need.memory >> 20) MiB of address space: "
                    + Failure.words(ofErrno: -memory),
                remedy: "raise the limit with 'ulimit -v \((need.memory * 2) >> 10)'")
        }
        try ServiceThread.ensure(need.threads)
    }

    /// Ensures that files that are made can be used, and that paths can start from the current folder.
    private static func ensureSurroundings() throws(Failure) {
        let mask = umask(0o022)
        umask(mask)
        if mask & 0o700 != 0 {
            throw Failure(
                "the umask \(String(mask, radix: 8)) takes from this user the right to use the files that caudal makes",
                remedy: "set it with 'umask 022'")
        }
        guard let place = getcwd(nil, 0) else {
            throw Failure(
                "the current folder cannot be found", errno: errno, remedy: "change to a folder that is there")
        }
        defer { free(place) }
        if String(validatingCString: place) == nil {
            throw Failure(
                "the path of the current folder is not UTF-8: \(String(cString: place))",
                remedy: "give the folder another name, or start caudal in another one")
        }
    }
}
