internal import Host
internal import Metrics

extension Container {
    static let maximumMounts = 64

    /// A process of this container has a file open for writing on the mount.
    public func wrote(mount: UInt32, pid: UInt32) {
        if let successor {
            successor.assumeIsolated { $0.wrote(mount: mount, pid: pid) }
            return
        }
        guard writtenMounts[mount] != nil || writtenMounts.count < Self.maximumMounts else {
            context.drops.add("mounts_full")
            return
        }
        writtenMounts[mount] = pid
    }

    /// What the collector is to look at.
    var resourceRequest: ResourceRequest {
        ResourceRequest(container: self, pids: Array(processes.keys), mounts: writtenMounts)
    }

    func update(_ result: ResourceRequest.Disks) {
        for mount in result.goneMounts { writtenMounts[mount] = nil }
        disks = result.disks
    }

    /// The totals of a live process.
    func update(_ delays: ProcessDelays.Delays, of pid: UInt32) {
        // It may have ended meanwhile, and its end said more.
        if processes[pid] != nil { self.delays.add(delays, of: pid) }
    }

    func emitDisks(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        for disk in disks {
            let set = diskSet(disk.place, labels)
            if let usage = disk.usage {
                snapshot.add(.containerResourcesDiskSizeBytes, set, Double(usage.size))
                snapshot.add(.containerResourcesDiskUsedBytes, set, Double(usage.used))
                snapshot.add(.containerResourcesDiskReservedBytes, set, Double(usage.reserved))
            }
            guard let io = disk.io else { continue }
            snapshot.add(.containerResourcesDiskReadsTotal, set, Double(io.reads))
            snapshot.add(.containerResourcesDiskWritesTotal, set, Double(io.writes))
            snapshot.add(.containerResourcesDiskReadBytesTotal, set, Double(io.readBytes))
            snapshot.add(.containerResourcesDiskWrittenBytesTotal, set, Double(io.writtenBytes))
        }
    }

    func emitDelays(into snapshot: inout MetricsSnapshot, _ labels: LabelSet) {
        snapshot.add(.containerResourcesCpuDelaySecondsTotal, labels, Double(delays.cpu) / 1e9)
        snapshot.add(.containerResourcesDiskDelaySecondsTotal, labels, Double(delays.disk) / 1e9)
    }

    private func diskSet(_ place: DiskReading.Place, _ labels: LabelSet) -> LabelSet {
        if let known = diskLabels[place] { return known }
        // Mounts come and go; what is in use is made again.
        if diskLabels.count >= 2 * Self.maximumMounts { diskLabels.removeAll() }
        let source = metadata.mounts[place.mountPoint] ?? ""
        var volume = ContainerMetadata.volumeName(ofSource: source)
        // Where the runtime says nothing, the directory that is mounted may.
        if volume.isEmpty { volume = ContainerMetadata.volumeName(ofSource: place.root) }
        let made = labels.adding([
            ("mount_point", place.mountPoint), ("device", place.device), ("volume", volume),
        ])
        diskLabels[place] = made
        if made.truncatedValues > 0 { context.faults.add("label_value_too_long", UInt64(made.truncatedValues)) }
        return made
    }
}
