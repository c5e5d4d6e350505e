import Foundation

/// Spark for tests: what `make setup-spark` installs, and Java.
package enum Spark {
    /// The folder of the PySpark that tests use.
    package static let folder = Repository.path(".tools/pyspark")

    /// Whether there is what tests on Spark need.
    package static let isInstalled: Bool =
        access(folder + "/pyspark/bin/spark-class", X_OK) == 0
        && ["/usr/bin/java", "/usr/local/bin/java"].contains { (path: String) in access(path, X_OK) == 0 }

    /// Whether the client of Spark Connect is there too.
    package static let hasConnect = isInstalled && access(folder + "/grpc", F_OK) == 0

    /// What the tests that are skipped say.
    package static let advice: String =
        "Spark is not installed: 'make setup-spark' installs it, and 'make test-spark' runs these tests"
}
