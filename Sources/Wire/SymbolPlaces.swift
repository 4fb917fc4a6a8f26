/// The symbols of a request of remote write 2.0, and which place those have that a part of it uses.
struct SymbolPlaces {
    private var texts: [Range<Int>] = []
    /// By the number in the whole request; 0 for those that are not used.
    private var places: [UInt64]
    /// In their order in the part. The first is empty in every request.
    private(set) var used: [Range<Int>] = [0..<0]

    /// `io.prometheus.write.v2.Request`: symbols 4.
    init(_ request: UnsafeRawBufferPointer) {
        var fields = ProtobufReader(request)
        while let field = fields.next() {
            if field.number == 4, let content = field.content { texts.append(content) }
        }
        places = [UInt64](repeating: 0, count: texts.count)
    }

    /// The place of a symbol in the part; nil if the request has none with this number.
    mutating func place(of number: UInt64) -> UInt64? {
        guard number < UInt64(texts.count) else { return nil }
        if number == 0 { return 0 }
        let index = Int(number)
        if places[index] == 0 {
            places[index] = UInt64(used.count)
            used.append(texts[index])
        }
        return places[index]
    }
}
