package import CaudalModel

extension RunPlan {
    /// The absolute path of the pipeline file.
    ///
    /// `folder`: from which its name is read where its place was not recorded: the one in which the run was begun.
    package func filePath(from folder: String) -> String {
        filePlace.map { PathText.absolute($0, in: root) } ?? PathText.absolute(file, in: folder)
    }
}
