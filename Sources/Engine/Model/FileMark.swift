/// What tells, without reading it, that a file is still the one that was looked at.
///
/// Equal marks are one content. Unequal ones may be: renaming a file, or giving it or taking from it another name, changes
/// ``changed`` alone, which nobody can set back as one can the time of a content.
package struct FileMark: Sendable, Hashable, Codable {
    package var sizeInBytes: Int64
    /// When its content changed last, or was said to have, in nanoseconds since 1970.
    package var modified: Int64
    /// Its number on its file system.
    package var inode: UInt64
    /// When anything about it changed last, in nanoseconds since 1970; nil in marks of an older caudal.
    package var changed: Int64?

    /// Whether all but the time of its last change is the same: what is left to ask is the content.
    package func mayBe(_ other: FileMark) -> Bool {
        sizeInBytes == other.sizeInBytes && modified == other.modified && inode == other.inode
    }
}
