/// The version of Caudal, in one place.
package enum Version {
    package static let text = "0.1.0"
}
