// Imported for the numbers of folders: their members belong to whichever C module is imported first.
package import CaudalModel
import CSystem
import Foundation

extension StateFolder {
    /// Refuses to go on with a run that was begun in another folder: a project that was copied or moved keeps records of the
    /// old place, where the run would write, and whose programs it would end.
    ///
    /// - Throws: ``RunControlError`` where it is another folder.
    package func refuseOther(_ run: RunID, _ plan: RunPlan) throws(RunControlError) {
        guard let recorded = plan.origin?.state, recorded != path else { return }
        // The same folder by another name, such as through a link.
        var (here, there) = (stat(), stat())
        if stat(path, &here) == 0, stat(recorded, &there) == 0, here.st_ino == there.st_ino, here.st_dev == there.st_dev
        {
            return
        }
        throw .beganElsewhere(run, state: path, recorded: recorded, root: plan.root)
    }
}
