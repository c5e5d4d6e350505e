import CaudalModel
import Foundation

/// What a container or a sandbox sees of this machine, at the same paths.
struct MountList {
    /// How a path is seen.
    enum Access {
        case writable, readOnly
        /// As an empty folder.
        case hidden
    }

    /// In the order in which they are mounted: a folder before what lies in it.
    let mounts: [(path: String, access: Access)]

    /// - Parameter tool: A program of this machine that is seen too.
    init(_ host: ProgramHost, _ call: ProgramCall, _ own: [PlacementMount], tool: String?) {
        var found: [String: Access] = [:]
        func add(_ path: String, isReadOnly: Bool) {
            let isWritable = !isReadOnly || found[path] == .writable
            found[path] = isWritable ? .writable : .readOnly
        }
        /// Whether a path is seen by what is mounted: the innermost mount around it counts.
        func covers(_ path: String) -> Bool {
            let around = found.filter { path == $0.key || path.hasPrefix($0.key + "/") }
            let innermost = around.max { $0.key.utf8.count < $1.key.utf8.count }
            return innermost.map { $0.value != .hidden } ?? false
        }
        add(host.folder, isReadOnly: false)
        // What Caudal records is no business of programs, and with the socket of a run they could steer it.
        if let state = host.state, FileText.exists(state), covers(state) { found[state] = .hidden }
        if let staging = host.staging, FileText.exists(staging) { add(staging, isReadOnly: false) }
        for mount in own { add(PathText.absolute(mount.path, in: host.folder), isReadOnly: mount.isReadOnly) }
        if let folder = call.workFolder, !covers(folder) { add(folder, isReadOnly: false) }
        for path in call.reads + [tool].compactMap({ $0 }) where FileText.exists(path) {
            if !covers(path) { add(path, isReadOnly: true) }
            // A link leads nowhere where its target is not seen.
            let target = PathText.resolved(path)
            if target != path, !covers(target) { add(target, isReadOnly: true) }
        }
        for path in call.writes where !covers(path) && FileText.exists(path) { add(path, isReadOnly: false) }
        mounts = found.map { ($0.key, $0.value) }.sorted { $0.path < $1.path }
    }
}
