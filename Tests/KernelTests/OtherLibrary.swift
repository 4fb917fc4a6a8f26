import Foundation

/// TLS libraries that are not the machine's own, unpacked once below `$XDG_CACHE_HOME` or /var/tmp.
enum OtherLibrary: String, CaseIterable {
    /// OpenSSL 1.1.1
    case bullseye
    /// OpenSSL 3.5
    case trixie
    /// BoringSSL, as a library of Android's tools
    case bookworm

    var package: String {
        switch self {
        case .bullseye: "libssl1.1"
        case .trixie: "libssl3t64"
        case .bookworm: "android-libboringssl"
        }
    }

    var files: [String] {
        switch self {
        case .bullseye: ["libssl.so.1.1", "libcrypto.so.1.1"]
        case .trixie: ["libssl.so.3", "libcrypto.so.3"]
        case .bookworm: ["libssl.so.0", "libcrypto.so.0"]
        }
    }

    var options: [String] { self == .bookworm ? ["-DPLAIN"] : [] }

    /// Whether it needs a later C library than the machine may have, which comes with its own loader.
    var needsLoader: Bool { self == .trixie }

    func command(_ program: String, in folder: String) -> [String] {
        needsLoader ? [folder + "/ld-linux-x86-64.so.2", "--library-path", folder, program] : [program]
    }

    /// The folder with its files.
    func folder() throws -> String {
        let root = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? "/var/tmp"
        let cache = "\(root)/martlet-debian-\(rawValue)"
        let target = "\(cache)/\(package)"
        let folder = target + "/usr/lib/x86_64-linux-gnu" + (self == .bookworm ? "/android" : "")
        if FileManager.default.fileExists(atPath: folder + "/" + files[0]) { return folder }
        let library = TLSRig.programs.path + "/../../../tools/lib/suite.sh"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [
            "-c",
            """
            set -e; . "$1"; made="$3-$$"
            unpack "$2/apt" "$4" "$made" "${@:5}"; mv -T "$made" "$3"
            """,
            "bash", library, cache, target, rawValue, package,
        ]
        if needsLoader { process.arguments?.append("libc6") }
        try process.run()
        process.waitUntilExit()
        guard FileManager.default.fileExists(atPath: folder + "/" + files[0]) else {
            throw CocoaError(.fileNoSuchFile)
        }
        return folder
    }
}
