// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "caudal",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "caudal", targets: ["App"]),
        .executable(name: "engine-benchmark", targets: ["EngineBenchmark"]),
    ],
    dependencies: [
        // Command line: verbs, options, completions.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Heap, Deque, OrderedDictionary.
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        // The run store: SQLite with migrations and WAL.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Signatures of webhooks: HMAC with SHA-256.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // Pipeline files: YAML with source marks.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // ncurses behind the few accessors that Swift cannot import, and the signal-safe restore.
        .target(
            name: "CNcurses",
            linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo", .when(platforms: [.linux]))]),
        // System calls that Swift cannot import or must not make by itself: spawning, pidfd, epoll, renameat2.
        // zlib reads and writes compressed segments of logs; PCRE2 matches regular expressions in them.
        .target(name: "CSystem", linkerSettings: [.linkedLibrary("pcre2-8"), .linkedLibrary("z")]),
        // Values and text: what pipelines, plans and runs are, without anything that runs.
        .target(name: "CaudalModel", swiftSettings: strict),
        .target(
            name: "Engine",
            dependencies: [
                "CSystem",
                "CaudalModel",
                .product(name: "Collections", package: "swift-collections"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "App",
            dependencies: [
                "CNcurses",
                "CaudalModel",
                "Engine",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Collections", package: "swift-collections"),
            ],
            swiftSettings: strict
        ),
        // What the engine itself costs; inside of this package because it uses what only the package sees.
        .executableTarget(
            name: "EngineBenchmark", dependencies: ["CaudalModel", "Engine"], path: "Benchmarks/Engine",
            swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["CSystem", "CaudalModel", "Engine"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(
            name: "EngineTests",
            dependencies: ["CaudalModel", "Engine", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")],
            // Messages that tests compare with, and the files they are about; read by their paths.
            exclude: ["Config/Golden", "Executors/Kubernetes/manifest.json", "Schedules/Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "AppTests", dependencies: ["App", "CaudalModel", "Engine", "TestSupport"],
            exclude: ["Corpus", "Golden"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "CSystem", "CaudalModel", "Engine", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["Explained", "SparkCases"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
