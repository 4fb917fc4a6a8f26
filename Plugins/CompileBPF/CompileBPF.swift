import Foundation
import PackagePlugin

/// Compiles `bpf/martlet.bpf.c` with the toolchain's clang and carries the object in a generated Swift file.
@main
struct CompileBPF: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        let bpf = context.package.directoryURL.appending(path: "bpf")
        let source = bpf.appending(path: "martlet.bpf.c")
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedObject.swift")
        let clang = try context.tool(named: "clang")
        let embed = try context.tool(named: "EmbedObject")
        let files = FileManager.default
        var inputs = [source]
        for case let file as URL in files.enumerator(at: bpf, includingPropertiesForKeys: nil) ?? .init()
        where ["c", "h"].contains(file.pathExtension) {
            inputs.append(file)
        }
        return [
            .buildCommand(
                displayName: "Compiling \(source.lastPathComponent) for BPF",
                executable: embed.url,
                arguments: [clang.url.path, source.path, bpf.appending(path: "include").path, output.path],
                inputFiles: inputs,
                outputFiles: [output])
        ]
    }
}
