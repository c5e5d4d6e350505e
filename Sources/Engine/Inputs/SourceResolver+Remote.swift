import CaudalModel
import Foundation

/// Files on servers: they are fetched, and from then on are files of this machine.
extension SourceResolver {
    func fetched(
        _ dataset: Dataset, _ remote: RemoteFiles, _ origins: DataOrigins, _ fill: (Template) -> String
    ) async throws -> DataSource {
        let request = RemoteReader.Request(dataset: dataset, remote: remote, name: fill(remote.name))
        let versions = try await versions(request, origins)
        let names = Dictionary(versions.map { ($0.file, $0.address) }) { first, _ in first }
        do {
            var source = try await inspected(versions.map(\.file), of: dataset)
            source.addresses = names.mapValues(origins.masked)
            return source
        } catch let failure as Failure {
            // A person knows where a file comes from, and not where it lies for a moment.
            let message = names.reduce(failure.message) {
                $0.replacing(PathText.relative($1.key, to: pipeline.root), with: $1.value)
            }
            throw Failure(message, remedy: failure.remedy, location: failure.location, kind: failure.kind)
        }
    }

    /// The files, under names of the attempt's own where it has a folder: they stay there until its work is done,
    /// whatever becomes of this process.
    private func versions(
        _ request: RemoteReader.Request, _ origins: DataOrigins
    ) async throws -> [FetchedFiles.Version] {
        let reader = RemoteReader(tables: tables)
        guard let parent = origins.folderOfCopies else { return try await reader.fetch(request) }
        let folder = "\(parent)/\(PathComponent.of(request.dataset.name.rawValue))"
        let list = folder + "/.list"
        // Work that goes on elsewhere reads what was fetched for it.
        if origins.isTakenUp, let text = try? FileText.read(list) {
            return text.split(separator: "\n").map { line in
                let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
                return FetchedFiles.Version(address: parts.last ?? "", file: folder + "/" + (parts.first ?? ""))
            }
        }
        var versions = try await reader.fetch(request)
        let files = FileManager.default
        try? files.removeItem(atPath: folder)
        for index in versions.indices {
            let name = "\(index)/\(PathText.lastComponent(of: versions[index].file))"
            let own = "\(folder)/\(name)"
            try files.createDirectory(
                atPath: PathText.folder(of: own), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            if link(versions[index].file, own) != 0 { try files.copyItem(atPath: versions[index].file, toPath: own) }
            versions[index].file = own
        }
        let text = versions.enumerated().map { index, version in
            "\(index)/\(PathText.lastComponent(of: version.file))\t\(origins.masked(version.address))\n"
        }
        try FileText.write(text.joined(), to: list, isPrivate: true)
        return versions
    }
}
