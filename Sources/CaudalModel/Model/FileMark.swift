/// Attributes of a file that show, without reading it, that its content is unchanged.
///
/// Equal marks mean equal content. Unequal marks may still mean equal content: renaming a file or adding and removing
/// hard links changes ``changed`` alone. No user can set ``changed`` back, unlike the modification time.
package struct FileMark: Sendable, Hashable, Codable {
    package var sizeInBytes: Int64
    /// The modification time, in nanoseconds since 1970.
    package var modified: Int64
    /// The inode number.
    package var inode: UInt64
    /// The change time (ctime), in nanoseconds since 1970; nil in marks of older versions of Caudal.
    package var changed: Int64?

    /// Whether only the change time differs: then only reading the file can tell whether its content is the same.
    package func mayBe(_ other: FileMark) -> Bool {
        sizeInBytes == other.sizeInBytes && modified == other.modified && inode == other.inode
    }
}
