/// There is nothing to read, and not even its columns can be known.
struct NothingToRead: Error {
    let reason: String
}
