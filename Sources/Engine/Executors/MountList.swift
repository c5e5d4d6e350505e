import CaudalModel
import Foundation

/// What a container or a sandbox sees of this machine, at the same paths.
struct MountList {
    /// In the order in which they are mounted: a folder before what lies in it.
    let mounts: [PlacementMount]

    /// - Parameter tool: A program of this machine that is seen too.
    init(_ host: ProgramHost, _ call: ProgramCall, _ own: [PlacementMount], tool: String?) {
        var found: [String: Bool] = [:]
        func add(_ path: String, isReadOnly: Bool) {
            found[path] = (found[path] ?? true) && isReadOnly
        }
        add(host.folder, isReadOnly: false)
        // What Caudal records is no business of programs, besides the folder that they write to.
        if let state = host.state, FileText.exists(state) { add(state, isReadOnly: true) }
        if let staging = host.staging, FileText.exists(staging) { add(staging, isReadOnly: false) }
        for mount in own { add(PathText.absolute(mount.path, in: host.folder), isReadOnly: mount.isReadOnly) }
        func covers(_ path: String) -> Bool { found.keys.contains { path == $0 || path.hasPrefix($0 + "/") } }
        if let folder = call.workFolder, !covers(folder) { add(folder, isReadOnly: false) }
        for path in call.reads + [tool].compactMap({ $0 }) where FileText.exists(path) {
            if !covers(path) { add(path, isReadOnly: true) }
            // A link leads nowhere where its target is not seen.
            let target = PathText.resolved(path)
            if target != path, !covers(target) { add(target, isReadOnly: true) }
        }
        for path in call.writes where !covers(path) && FileText.exists(path) { add(path, isReadOnly: false) }
        mounts = found.map { PlacementMount(path: $0.key, isReadOnly: $0.value) }.sorted { $0.path < $1.path }
    }
}
