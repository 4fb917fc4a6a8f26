/// FoundationDB's client protocol (FoundationDB 7.3, FlowTransport and the file identifiers of its flat buffers): packets of
/// length, checksum (not within TLS), token of the receiver and a message that begins with its type.
///
/// Packets name no request in their answer that could be read cheaply: an answer belongs to the oldest request of the type that
/// it answers, or to the oldest of those whose answer's type is not known. An answer counts as good, as in the original.
final class FoundationDBParser: ProtocolParser {
    private static let longestPacket: UInt32 = 1 << 27
    /// Bytes before which the type of a message is known.
    private static let typeEnd = 36
    /// Types of answers that are such small numbers that they are believed only where a request waits.
    private static let smallAnswers: [UInt32] = [3, 11]

    private var requests = MessageStream()
    private var answers = MessageStream()
    private var pending = PendingRequests()
    /// Whether packets carry a checksum; not known before the first that can be read.
    private var hasChecksum: Bool?
    private var nonsense = 0

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        guard bytes.byteCount >= 12 else {
            return bytes.byteCount < 4 || bytes.little32(0) <= longestPacket ? .partial : .no
        }
        if isGreeting(bytes) { return .certain }
        for hasChecksum in [true, false] where isPacket(bytes, length: length, hasChecksum, from: side) {
            return .certain
        }
        return bytes.byteCount < typeEnd && bytes.little32(0) <= longestPacket ? .partial : .no
    }

    /// The first packet of both sides: its length, and the version of the protocol, which all begin alike.
    private static func isGreeting(_ bytes: RawSpan) -> Bool {
        bytes.little32(8) & 0xFFFF_FF00 == 0x1FDB_0000 && bytes.little32(0) >= 16 && bytes.little32(0) <= 256
    }

    /// Bytes of a packet before what its length counts.
    private static func headerSize(_ hasChecksum: Bool) -> Int { hasChecksum ? 12 : 4 }

    private static func type(_ bytes: RawSpan, _ hasChecksum: Bool) -> UInt32 {
        bytes.little32(headerSize(hasChecksum) + 20)
    }

    private static func isPacket(_ bytes: RawSpan, length: Int, _ hasChecksum: Bool, from side: Side) -> Bool {
        guard bytes.byteCount >= typeEnd, bytes.little32(0) >= 24, bytes.little32(0) <= longestPacket else {
            return false
        }
        let type = type(bytes, hasChecksum)
        guard side == .client ? requestTypes.contains(type) : answerTypes.contains(type & 0xFF_FFFF) else {
            return false
        }
        // The packet is all that there is, or another follows.
        let end = headerSize(hasChecksum) + Int(bytes.little32(0))
        return length == end || length > end && bytes.little32(end) <= longestPacket && bytes.byteCount > end + 4
    }

    override func take(
        _ bytes: RawSpan, from side: Side, at time: UInt64, missing: Int, tail: Int, _ receiver: any ExchangeReceiver
    ) {
        let length = bytes.byteCount + tail
        if side == .client {
            requests.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: { isBeginning($0, length, side) ? 0 : nil },
                { message, start, isFinal in read(message, side, start, isFinal, receiver) })
        } else {
            answers.feed(
                bytes, at: time, missing: missing, tail: tail, findingBy: { isBeginning($0, length, side) ? 0 : nil },
                { message, start, isFinal in read(message, side, start, isFinal, receiver) })
        }
    }

    override func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {
        pending.giveUp(before: deadline, at: time, .foundationdb, to: receiver)
    }

    override var isWaiting: Bool { !pending.isEmpty }
    override var gaps: Int { requests.gaps + answers.gaps }
    override var isLost: Bool { nonsense > 16 }

    private func isBeginning(_ bytes: RawSpan, _ length: Int, _ side: Side) -> Bool {
        Self.isPacket(bytes, length: length, hasChecksum ?? true, from: side)
    }

    private func read(
        _ message: RawSpan, _ side: Side, _ start: UInt64, _ isFinal: Bool, _ receiver: any ExchangeReceiver
    ) -> MessageStream.Step {
        if message.byteCount < 12 { return isFinal ? .lost : .more(12) }
        let size = message.little32(0)
        if Self.isGreeting(message) { return .message(4 + Int(size)) }
        guard size > 0, size <= Self.longestPacket else {
            nonsense += 1
            return .lost
        }
        // A packet without a checksum may be shorter, but then it is no message with a type.
        let wanted = min(Self.typeEnd, 4 + Int(size))
        if message.byteCount < wanted { return isFinal ? .lost : .more(wanted) }
        if hasChecksum == nil { hasChecksum = Self.findChecksum(message, side) }
        let hasChecksum = hasChecksum ?? true
        let total = Self.headerSize(hasChecksum) + Int(size)
        guard size >= 24 else { return .message(total) }
        let type = Self.type(message, hasChecksum)
        if side == .client {
            guard Self.requestTypes.contains(type) else { return .message(total) }
            nonsense = 0
            pending.makeRoom(.foundationdb, receiver)
            pending.add(start: start, key: UInt64(Self.answer(to: type)), tag: type) {
                guard options.wantsText, let name = Self.name(of: type) else { return }
                $0.add(.operation, name)
            }
        } else {
            answered(type & 0xFF_FFFF, start, receiver)
        }
        return .message(total)
    }

    /// Whether the packet's message begins after a checksum; nil where neither makes sense.
    private static func findChecksum(_ bytes: RawSpan, _ side: Side) -> Bool? {
        for hasChecksum in [true, false] {
            let type = type(bytes, hasChecksum)
            if side == .client ? requestTypes.contains(type) : answerTypes.contains(type & 0xFF_FFFF) {
                return hasChecksum
            }
        }
        return nil
    }

    private func answered(_ type: UInt32, _ time: UInt64, _ receiver: any ExchangeReceiver) {
        let isSmall = Self.smallAnswers.contains(type)
        guard isSmall || Self.answerTypes.contains(type) else { return }
        let index = pending.index(ofKey: UInt64(type)) ?? pending.index(ofKey: 0)
        guard let index else { return }
        nonsense = 0
        pending.report(at: index, .foundationdb, .ok, end: time, to: receiver)
    }

    /// The type of the answer to a request; 0 where it is not known.
    private static func answer(to request: UInt32) -> UInt32 {
        switch request {
        case 8_454_530: 1_378_929
        case 6_795_746: 1_783_066
        case 6_795_747: 1_783_067
        case 10_457_870: 11_226_513
        case 838566: 15_709_388
        case 93948: 14_254_927
        case 9_144_680: 10_636_023
        case 11_001_131: 11_365_689
        case 10_072_821: 10_072_848
        case 13_290_999: 15_491_478
        case 14_419_140: 9_980_504
        case 4_146_513: 14_465_374
        case 14_332_605: 16_475_696
        case 2_828_131: 12_680_327
        case 214728: 5_355_080
        case 4_150_141: 6_858_612
        case 2_508_597: 2_923_309
        default: 0
        }
    }

    /// Of those that clients send most.
    private static func name(of request: UInt32) -> StaticString? {
        switch request {
        case 8_454_530: "getValue"
        case 6_795_746: "getKeyValues"
        case 6_795_747: "getMappedKeyValues"
        case 10_457_870: "getKey"
        case 838566: "getReadVersion"
        case 93948: "commit"
        case 14_747_733: "watchValue"
        case 9_144_680: "getKeyServerLocations"
        case 214728: "openDatabase"
        case 14_419_140: "status"
        case 4_707_015: "ping"
        default: nil
        }
    }

    /// Types of requests.
    private static let requestTypes: Set<UInt32> = [
        72435, 93948, 103841, 178935, 214728, 369169, 601281, 838566, 905381, 905920, 923040, 985636, 1_254_174,
        1_303_419, 1_755_944, 1_985_879, 2_323_417, 2_378_138, 2_508_597, 2_567_474, 2_828_131, 3_104_275, 4_022_206,
        4_146_513, 4_149_140,
        4_150_141, 4_180_191, 4_707_015, 4_844_288, 4_980_139, 4_983_265, 5_838_547, 5_979_145, 5_983_305, 6_416_816,
        6_795_746, 6_795_747,
        7_554_186, 7_932_681, 8_265_613, 8_358_753, 8_454_530, 8_500_026, 8_743_216, 8_954_922, 9_144_680, 9_467_438,
        9_467_439, 10_072_821,
        10_344_153, 10_457_870, 10_624_019, 11_001_131, 12_383_874, 13_290_999, 14_332_605, 14_419_140, 14_712_718,
        14_747_733, 15_302_073,
        15_604_392, 15_888_863, 16_308_510, 16_665_642,
    ]

    /// Types of answers, their low 24 bits; without the small ones.
    private static let answerTypes: Set<UInt32> = [
        234859, 1_378_929, 1_389_929, 1_783_066, 1_783_067, 2_010_442, 2_034_110, 2_923_309, 2_934_851, 3_152_015,
        3_568_822, 3_985_192,
        4_014_928, 5_355_080, 6_095_215, 6_857_512, 6_858_612, 7_784_298, 7_784_299, 9_467_439, 9_908_409, 9_956_350,
        9_980_504, 10_072_848,
        10_390_645, 10_636_023, 11_226_513, 11_365_689, 11_530_792, 11_544_290, 12_680_327, 13_838_807, 14_254_927,
        14_465_374, 15_491_478,
        15_709_388, 15_877_089, 16_475_696, 16_684_234,
    ]
}
