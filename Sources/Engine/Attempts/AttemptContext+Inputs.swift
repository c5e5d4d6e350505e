import CaudalModel
import Foundation

/// Inputs that another machine needs and does not see.
extension AttemptContext {
    /// Whether the attempt's folder is copied to the machine that runs its program.
    private var isCopied: Bool {
        guard case .target(let name) = stage.placement, case .ssh(let settings)? = loaded.pipeline.targets[name]?.kind
        else { return false }
        return settings.copies == true
    }

    /// Gives the files of the attempt's inputs a second name in its folder, which is what is copied: at their own paths
    /// they would replace files of another machine.
    ///
    /// - Throws: ``Failure`` where that is not possible.
    mutating func gatherInputs() throws(Failure) {
        guard isCopied, order.purpose != .findItems, let folder = attempt.stagingFolder else { return }
        for (name, source) in attempt.sources { attempt.sources[name] = try gathered(source, in: folder) }
        if let existing = attempt.existing { attempt.existing = try gathered(existing, in: folder) }
        guard let shared = attempt.sharedFolder, FileText.exists(shared) else { return }
        // Attempts beside this one have a copy of their own.
        try makeFolder(folder + "/.inputs")
        let place = folder + "/.inputs/.shared"
        unlink(place)
        guard symlink(shared, place) == 0 else { throw Failure("\(place) cannot be made", errno: errno) }
        attempt.sharedFolder = place
    }

    private func gathered(_ source: DataSource, in folder: String) throws(Failure) -> DataSource {
        var places: [Int: String] = [:]
        for (index, file) in source.files.enumerated() where !file.hasPrefix(folder + "/") {
            // Names of folders may say what is in their files: day=2026-11-01.
            let place = "\(folder)/.inputs/\(PathComponent.of(source.dataset.rawValue))/\(index)\(file)"
            do {
                try FileManager.default.createDirectory(
                    atPath: PathText.folder(of: place), withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700])
                unlink(place)
                // A hard link would change the file's times, by which others tell whether it has changed.
                guard symlink(file, place) == 0 else { throw Failure("\(place) cannot be made", errno: errno) }
            } catch {
                throw Failure("\(file) cannot be copied for the other machine: \(error.reason)")
            }
            places[index] = place
        }
        return source.lying(at: places)
    }
}
