// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

func martlet(_ product: String) -> Target.Dependency { .product(name: product, package: "martlet") }

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "martlet", path: ".."),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        .target(name: "CBench", dependencies: [martlet("CBPF")]),
        .executableTarget(
            name: "MartletBenchmarks",
            dependencies: [
                "CBench", martlet("CEvents"), martlet("Containers"), martlet("Export"), martlet("Host"),
                martlet("Kernel"), martlet("Linux"), martlet("LogFiles"), martlet("Logs"), martlet("Metrics"),
                martlet("Network"), martlet("Protocols"), martlet("Ring"), martlet("Signals"), martlet("Traces"),
                martlet("Wire"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ], swiftSettings: strict, plugins: ["CompileBench"]),
        .plugin(name: "CompileBench", capability: .buildTool(), dependencies: [martlet("EmbedObject")]),
    ],
    cLanguageStandard: .gnu11
)
