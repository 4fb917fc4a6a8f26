import Testing

@testable import Host

struct MachineIdentityTests {
    @Test func systemdMachineIDComesFirst() throws {
        let tree = try TemporaryTree([
            "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
            "var/lib/dbus/machine-id": "ffffffffffffffffffffffffffffffff\n",
            "sys/devices/virtual/dmi/id/product_uuid": "EC2F1B2A-0000-1111-2222-333344445555\n",
        ])
        let identity = MachineIdentity.read(root: tree.path)
        #expect(identity.machineID == "0123456789abcdef0123456789abcdef")
        #expect(identity.systemUUID == "EC2F1B2A-0000-1111-2222-333344445555")
        // printf '0123456789abcdef0123456789abcdefEC2F1B2A000011112222333344445555' | md5sum
        #expect(identity.instanceName == "5b1148b4ce9bea69d1ee23bd8e0cd565")
    }

    @Test func fallsBackToTheProductUUID() throws {
        let tree = try TemporaryTree([
            "etc/machine-id": "\n",
            "sys/devices/virtual/dmi/id/product_uuid": " ec2f1b2a-0000-1111-2222-333344445555 \n",
        ])
        let identity = MachineIdentity.read(root: tree.path)
        #expect(identity.machineID == "ec2f1b2a000011112222333344445555")
        #expect(identity.systemUUID == "ec2f1b2a-0000-1111-2222-333344445555")
        #expect(identity.instanceName == identity.machineID)
    }

    @Test func isEmptyWithoutFiles() throws {
        let identity = MachineIdentity.read(root: try TemporaryTree().path)
        #expect(identity == MachineIdentity(machineID: "", systemUUID: ""))
        #expect(identity.instanceName == "")
    }

    @Test func withoutUUIDTheInstanceIsTheMachineID() {
        #expect(MachineIdentity(machineID: "abc", systemUUID: "").instanceName == "abc")
    }
}
