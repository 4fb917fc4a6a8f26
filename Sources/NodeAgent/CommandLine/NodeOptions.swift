import ArgumentParser

/// What is said of the node as a whole.
struct NodeOptions: ParsableArguments {
    @Option(
        name: .customLong("provider"),
        help: ArgumentHelp("Cloud provider, instead of what the firmware says.", valueName: "name"))
    var provider: String?

    @Option(
        name: .customLong("region"),
        help: ArgumentHelp("Region, instead of what the cloud says.", valueName: "name"))
    var region: String?

    @Option(
        name: .customLong("availability-zone"),
        help: ArgumentHelp("Availability zone, instead of what the cloud says.", valueName: "name"))
    var availabilityZone: String?

    @Option(
        name: .customLong("instance-type"),
        help: ArgumentHelp("Instance type, instead of what the cloud says.", valueName: "name"))
    var instanceType: String?

    @Option(
        name: .customLong("instance-life-cycle"),
        help: ArgumentHelp("Life cycle of the instance, instead of what the cloud says.", valueName: "name"))
    var instanceLifeCycle: String?

    @Flag(
        name: .customLong("disable-cloud-metadata"), inversion: .prefixedNo,
        help: ArgumentHelp("Ask no cloud's metadata service. (default: no)"))
    var disableCloudMetadata: Bool?

    @Flag(
        name: .customLong("disable-gpu-monitoring"), inversion: .prefixedNo,
        help: ArgumentHelp("Leave GPUs alone. (default: no)"))
    var disableGPUMonitoring: Bool?
}
