/// The shapes of the pod names that Kubernetes controllers make.
enum KubernetesName {
    /// The alphabet of generated suffixes: no vowels, no look-alikes.
    static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "b")...UInt8(ascii: "z"):
            switch byte {
            case UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "u"), UInt8(ascii: "y"): false
            default: true
            }
        case UInt8(ascii: "2"), UInt8(ascii: "4")...UInt8(ascii: "9"): true
        default: false
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f")
    }

    /// Letters of namespaces and workloads: `[a-z0-9-]`.
    static func isName(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") || byte == UInt8(ascii: "-")
    }

    /// Splits `name` at its last dash; nil without one or with nothing before it.
    static func splitLast(_ name: Substring) -> (head: Substring, tail: Substring)? {
        guard let dash = name.utf8.lastIndex(of: UInt8(ascii: "-")), dash > name.startIndex else { return nil }
        return (name[..<dash], name[name.utf8.index(after: dash)...])
    }

    /// True for the five-letter suffix that ends a pod's name.
    static func isPodSuffix(_ text: Substring) -> Bool { text.utf8.count == 5 && text.utf8.allSatisfy(isSafe) }

    /// The CronJob that made the pod `name`, from `JOB-MINUTES-SUFFIX` where the minutes since the epoch lie within a
    /// week of `now` (seconds since the epoch); nil for other pods.
    static func cronJob(ofPod name: String, now: Int64) -> Substring? {
        guard let (head, suffix) = splitLast(name[...]), isPodSuffix(suffix),
            let (job, digits) = splitLast(head), digits.utf8.count == 8, digits.utf8.allSatisfy(isDigit),
            let minutes = Int64(digits)
        else { return nil }
        let week: Int64 = 7 * 24 * 3600
        let difference = minutes * 60 - now
        return difference >= -week && difference <= week ? job : nil
    }
}
