import Metrics
import Testing

@Suite struct LabelSetTests {
    @Test func sortsAndReplaces() {
        let set = LabelSet([("b", "2"), ("a", "1")]).adding([("c", "3"), ("a", "9")])
        #expect(set.pairs.map(\.name) == ["a", "b", "c"])
        #expect(set["a"] == "9")
        #expect(String(decoding: set.text, as: UTF8.self) == #"{a="9",b="2",c="3"}"#)
        #expect(LabelSet.empty.text.isEmpty)
    }

    @Test func escapesWhatTheTextFormatEscapes() {
        let set = LabelSet([("a", "back\\slash \"quote\" line\nfeed")])
        #expect(String(decoding: set.text, as: UTF8.self) == #"{a="back\\slash \"quote\" line\nfeed"}"#)
    }

    @Test func cutsLongValuesBetweenCharacters() {
        let set = LabelSet([("a", String(repeating: "é", count: 3000))])
        #expect(set.truncatedValues == 1)
        #expect(set["a"] == String(repeating: "é", count: LabelSet.maximumValueLength / 2))
        let odd = LabelSet([("a", "x" + String(repeating: "é", count: 3000))])
        #expect(odd["a"]?.utf8.count == LabelSet.maximumValueLength - 1)
    }

    @Test func hashFollowsContent() {
        #expect(LabelSet([("a", "1"), ("b", "2")]).hash == LabelSet([("b", "2"), ("a", "1")]).hash)
        // The same letters, parted otherwise.
        let parted = [[("ab", "c")], [("a", "bc")], [("a", "b"), ("c", "")], [("a", ""), ("b", "c")], []]
        #expect(Set(parted.map { LabelSet($0).hash }).count == parted.count)
    }

    @Test func textIsKept() {
        let set = LabelSet([("a", "1")])
        let first = set.withText { $0.baseAddress }
        // The first time it was made in passing; from then on it is one and the same.
        let second = set.withText { $0.baseAddress }
        #expect(second == set.withText { $0.baseAddress } && first != nil && second != nil)
        let hasNothingEncoded = set.encoded.isEmpty
        #expect(hasNothingEncoded)
    }
}
