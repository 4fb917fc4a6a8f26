// swift-tools-version:6.2
import PackageDescription

// Third-party C libraries are linked from their static archives, so that one file ships.
// `-l:NAME` names the archive itself; without it the linker prefers the shared library.
func archive(_ name: String) -> LinkerSetting {
    .linkedLibrary(":lib\(name).a", .when(platforms: [.linux]))
}

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

// Code that runs once, or a few times a minute: small rather than fast.
let small: [SwiftSetting] = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet-node", targets: ["NodeAgent"]),
        // For Benchmarks/.
        .executable(name: "EmbedObject", targets: ["EmbedObject"]),
        .library(name: "CBPF", targets: ["CBPF"]),
        .library(name: "CEvents", targets: ["CEvents"]),
        .library(name: "Containers", targets: ["Containers"]),
        .library(name: "Exchange", targets: ["Exchange"]),
        .library(name: "Export", targets: ["Export"]),
        .library(name: "Host", targets: ["Host"]),
        .library(name: "Kernel", targets: ["Kernel"]),
        .library(name: "Linux", targets: ["Linux"]),
        .library(name: "LogFiles", targets: ["LogFiles"]),
        .library(name: "Logs", targets: ["Logs"]),
        .library(name: "Metrics", targets: ["Metrics"]),
        .library(name: "Network", targets: ["Network"]),
        .library(name: "Protocols", targets: ["Protocols"]),
        .library(name: "Ring", targets: ["Ring"]),
        .library(name: "Signals", targets: ["Signals"]),
        .library(name: "Traces", targets: ["Traces"]),
        .library(name: "Wire", targets: ["Wire"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.100.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        // C: module maps and thin shims, no logic.
        // The toolchain's own linker, which does not mind the order of archives.
        .target(
            name: "CBPF",
            linkerSettings: [
                archive("bpf"), archive("elf"), archive("z"), archive("zstd"), .unsafeFlags(["-use-ld=lld"]),
            ]),
        .target(name: "CURing", linkerSettings: [archive("uring")]),
        .target(name: "CEvents"),
        .target(name: "CLinux"),
        .target(name: "CMemory"),
        .target(name: "CZlib", linkerSettings: [archive("z")]),
        .target(name: "CZstd", linkerSettings: [archive("zstd")]),
        .target(name: "CSnappy", linkerSettings: [archive("snappy"), .linkedLibrary("stdc++")]),
        .target(name: "CJansson", linkerSettings: [archive("jansson")]),
        // Loads the driver's library at run time; links nothing.
        .target(name: "CNVML"),
        // Loads systemd's library at run time; links nothing.
        .target(name: "CJournal"),
        .target(name: "CYaml", linkerSettings: [archive("yaml")]),

        // Vocabulary and machine access.
        .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "Metrics", swiftSettings: strict),
        .target(name: "Ring", dependencies: ["CLinux", "CURing", "Linux"], swiftSettings: strict),
        .target(
            name: "Kernel", dependencies: ["CBPF", "CEvents", "CLinux", "Linux", "Ring"], swiftSettings: strict,
            plugins: ["CompileBPF"]),
        .target(name: "Host", dependencies: ["CLinux", "Linux", "Metrics"], swiftSettings: strict),
        .target(
            name: "Network", dependencies: ["CBPF", "CEvents", "CLinux", "Host", "Linux", "Metrics"],
            swiftSettings: strict),
        .target(name: "Exchange", dependencies: ["CJansson", "Linux"], swiftSettings: small),
        .target(
            name: "Cloud", dependencies: ["Exchange", "Host", "Linux", "Metrics"], swiftSettings: small),
        .target(name: "GPU", dependencies: ["CNVML", "Linux", "Metrics"], swiftSettings: small),
        .target(
            name: "Containers",
            dependencies: [
                "CEvents", "Exchange", "GPU", "Host", "Linux", "Logs", "Metrics", "Network", "Protocols", "Ring",
                "Traces",
            ], swiftSettings: strict),
        .target(
            name: "Signals",
            dependencies: [
                "CEvents", "Containers", "Kernel", "Linux", "LogFiles", "Logs", "Metrics", "Network", "Protocols",
                "Ring",
                "Traces",
            ], swiftSettings: strict),
        .target(name: "Logs", dependencies: ["CMemory", "Host"], swiftSettings: strict),
        .target(
            name: "LogFiles", dependencies: ["CJournal", "CLinux", "Linux", "Logs", "Metrics"], swiftSettings: strict),
        .target(name: "Protocols", swiftSettings: strict),
        .target(
            name: "Traces", dependencies: ["Host", "Linux", "Network", "Protocols", "Wire"], swiftSettings: strict),
        .target(name: "Symbols", dependencies: ["CMemory", "Linux"], swiftSettings: small),
        .target(
            name: "Probes",
            dependencies: ["CLinux", "Containers", "Exchange", "Kernel", "Linux", "Metrics", "Ring", "Symbols"],
            swiftSettings: small),
        .target(name: "Spool", dependencies: ["Linux"], swiftSettings: strict),
        .target(
            name: "Wire", dependencies: ["CMemory", "CSnappy", "CZlib", "CZstd", "Metrics"], swiftSettings: strict),
        .target(
            name: "Export",
            dependencies: [
                "Logs", "Metrics", "Protocols", "Spool", "Traces", "Wire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "NodeAgent",
            dependencies: [
                "CLinux", "CYaml", "Cloud", "Containers", "Export", "GPU", "Host", "Kernel", "Linux", "LogFiles",
                "Logs",
                "Metrics", "Network", "Probes", "Protocols", "Ring", "Signals", "Spool", "Traces", "Wire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: small,
            // Nothing looks names up in the executable: without its table of them it is 2.1 MB smaller.
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "--no-export-dynamic"], .when(platforms: [.linux], configuration: .release))
            ]),

        .testTarget(name: "MetricsTests", dependencies: ["Metrics", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ProtocolsTests", dependencies: ["CAllocations", "Protocols", "TestSupport"],
            exclude: ["Recordings"], swiftSettings: strict),
        .testTarget(name: "RingTests", dependencies: ["Linux", "Ring"], swiftSettings: strict),
        .testTarget(
            name: "SignalsTests", dependencies: ["CEvents", "Containers", "Host", "Metrics", "Ring", "Signals"],
            swiftSettings: strict),
        .testTarget(
            name: "KernelTests",
            dependencies: [
                "CBPF", "CEvents", "Containers", "Host", "Kernel", "Linux", "Metrics", "Network", "Probes", "Ring",
                "Signals",
            ],
            exclude: ["Programs"], swiftSettings: strict),
        .testTarget(
            name: "ContainersTests",
            dependencies: [
                "CEvents", "Containers", "Exchange", "Host", "Linux", "Metrics", "Network", "Ring", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(name: "CloudTests", dependencies: ["Cloud", "Linux", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "NetworkTests", dependencies: ["Host", "Linux", "Network"], swiftSettings: strict),
        .testTarget(name: "GPUTests", dependencies: ["GPU", "Linux", "Metrics", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "ExchangeTests", dependencies: ["Exchange", "Linux", "TestSupport"], swiftSettings: strict),
        // What several test targets need.
        .target(name: "TestSupport", dependencies: ["Linux"], path: "Tests/TestSupport", swiftSettings: strict),
        // Counts allocations in the test process; the benchmarks' own file.
        .target(name: "CAllocations", path: "Tests/CAllocations"),
        .testTarget(
            name: "SymbolsTests", dependencies: ["Linux", "Symbols"], swiftSettings: strict),
        .testTarget(
            name: "TracesTests",
            dependencies: ["CAllocations", "Host", "Linux", "Network", "Protocols", "Traces", "Wire"],
            swiftSettings: strict),
        .testTarget(name: "SpoolTests", dependencies: ["Linux", "Spool", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "LogFilesTests", dependencies: ["LogFiles", "Linux", "Logs", "Metrics", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "LogsTests", dependencies: ["Host", "Logs", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "HostTests", dependencies: ["Host", "Linux", "Metrics"], swiftSettings: strict),
        .testTarget(
            name: "WireTests",
            dependencies: [
                "CAllocations", "CSnappy", "CZlib", "CZstd", "Metrics", "Wire",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: [
                "Protos/otlp_metrics.proto", "Protos/otlp_signals.proto", "Protos/remote_write.proto",
                "Protos/remote_write_2.proto", "Recordings",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ExportTests",
            dependencies: [
                "CSnappy", "Export", "Host", "Logs", "Metrics", "Network", "Protocols", "Ring", "Spool", "Traces",
                "Wire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .testTarget(
            name: "NodeAgentTests",
            dependencies: [
                "Containers", "Export", "Host", "Kernel", "Metrics", "NodeAgent", "Ring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .testTarget(name: "SystemTests", exclude: ["Helpers"], swiftSettings: strict),

        // Build: BPF objects are compiled by the toolchain's clang and carried by a generated Swift file.
        .executableTarget(name: "EmbedObject", swiftSettings: strict),
        .plugin(name: "CompileBPF", capability: .buildTool(), dependencies: ["EmbedObject"]),
    ],
    cLanguageStandard: .gnu11
)
