import CJansson

/// A value inside a `JSONDocument`, borrowed from it.
public struct JSONValue: ~Escapable {
    private let value: UnsafeMutablePointer<json_t>

    @_lifetime(borrow document)
    init(_ value: UnsafeMutablePointer<json_t>, of document: borrowing JSONDocument) {
        self.value = value
    }

    @_lifetime(copy parent)
    private init(_ value: UnsafeMutablePointer<json_t>, in parent: JSONValue) {
        self.value = value
    }

    /// The member at a path of keys; nil where a step is no object or lacks the key.
    @_lifetime(copy self)
    public func member(_ keys: String...) -> JSONValue? {
        guard let found = find(keys) else { return nil }
        return JSONValue(found, in: self)
    }

    /// The string at a path of keys, or this value itself without keys; nil for anything else.
    public func string(_ keys: String...) -> String? {
        guard let found = find(keys), found.pointee.type == JSON_STRING, let text = json_string_value(found) else {
            return nil
        }
        return Self.text(text, json_string_length(found))
    }

    /// The whole number at a path of keys; nil for anything else, also for one outside of ±2^53, which JSON cannot
    /// carry reliably.
    public func integer(_ keys: String...) -> Int64? {
        guard let found = find(keys), found.pointee.type == JSON_REAL else { return nil }
        let number = json_real_value(found)
        guard number.magnitude <= 9_007_199_254_740_992, number.rounded(.towardZero) == number else { return nil }
        return Int64(number)
    }

    /// Calls `body` for each member of an object, at most `limit`; not at all for another type.
    public func forEachMember(limit: Int = 10_000, _ body: (_ key: String, _ value: JSONValue) -> Void) {
        guard value.pointee.type == JSON_OBJECT else { return }
        var iterator = json_object_iter(value)
        var remaining = limit
        while let position = iterator, remaining > 0 {
            if let key = json_object_iter_key(position), let member = json_object_iter_value(position) {
                body(Self.text(key, json_object_iter_key_len(position)), JSONValue(member, in: self))
            }
            iterator = json_object_iter_next(value, position)
            remaining -= 1
        }
    }

    /// Calls `body` for each element of an array, at most `limit`; not at all for another type.
    public func forEachElement(limit: Int = 10_000, _ body: (_ value: JSONValue) -> Void) {
        guard value.pointee.type == JSON_ARRAY else { return }
        for index in 0..<min(json_array_size(value), limit) {
            if let element = json_array_get(value, index) { body(JSONValue(element, in: self)) }
        }
    }

    /// The members of the object at a path of keys whose values are strings, at most `limit`.
    public func strings(_ keys: String..., limit: Int = 1024) -> [String: String] {
        var result = [String: String]()
        guard let found = find(keys) else { return result }
        JSONValue(found, in: self).forEachMember(limit: limit) { key, value in
            if let text = value.string() { result[key] = text }
        }
        return result
    }

    private func find(_ keys: [String]) -> UnsafeMutablePointer<json_t>? {
        var current = value
        for key in keys {
            // json_object_get answers NULL for what is no object.
            guard let next = json_object_get(current, key) else { return nil }
            current = next
        }
        return current
    }

    private static func text(_ bytes: UnsafePointer<CChar>, _ count: Int) -> String {
        bytes.withMemoryRebound(to: UInt8.self, capacity: count) {
            String(decoding: UnsafeBufferPointer(start: $0, count: count), as: UTF8.self)
        }
    }
}
