import Foundation
import PackagePlugin

/// Compiles `bpf/bench.bpf.c` with the toolchain's clang and carries the object in a generated Swift file.
@main
struct CompileBench: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        let source = context.package.directoryURL.appending(path: "bpf/bench.bpf.c")
        let include = context.package.directoryURL.deletingLastPathComponent().appending(path: "bpf/include")
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedObject.swift")
        let clang = try context.tool(named: "clang")
        return [
            .buildCommand(
                displayName: "Compiling \(source.lastPathComponent) for BPF",
                executable: try context.tool(named: "EmbedObject").url,
                arguments: [clang.url.path, source.path, include.path, output.path],
                inputFiles: [source, include.appending(path: "events.h"), include.appending(path: "vmlinux.h")],
                outputFiles: [output])
        ]
    }
}
