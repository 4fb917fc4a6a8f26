internal import Linux

/// The clouds whose instances say in their DMI tables where they run. The raw value is the label `provider`.
public enum CloudProvider: String, Sendable, CaseIterable {
    case aws = "AWS"
    case gcp = "GCP"
    case azure = "Azure"
    case hetzner = "Hetzner"
    case digitalOcean = "DigitalOcean"
    case alibaba = "Alibaba"
    case scaleway = "Scaleway"
    case ibm = "IBM"
    case oracle = "Oracle"

    /// What this machine's firmware says, in coroot-node-agent's order; nil if it names none of these clouds. Reads small
    /// files of sysfs (Documentation/ABI/testing/sysfs-firmware-dmi-tables) below `root`, which is the agent's own root.
    public static func detect(root: String = "") -> CloudProvider? {
        func text(_ path: String) -> String { (try? SmallFile.text(root + path, limit: 4096)) ?? "" }
        if text("/sys/hypervisor/uuid").lowercased().hasPrefix("ec2") { return .aws }
        let dmi = "/sys/class/dmi/id/"
        switch text(dmi + "board_vendor") {
        case "Amazon EC2": return .aws
        case "Google": return .gcp
        case "Microsoft Corporation": return .azure
        case "DigitalOcean": return .digitalOcean
        default: break
        }
        switch text(dmi + "sys_vendor") {
        case "Hetzner": return .hetzner
        case "Alibaba Cloud": return .alibaba
        case "Scaleway": return .scaleway
        default: break
        }
        if text(dmi + "chassis_vendor").hasPrefix("IBM:Cloud Compute Server") { return .ibm }
        if text(dmi + "chassis_asset_tag") == "OracleCloud.com" { return .oracle }
        return nil
    }
}
