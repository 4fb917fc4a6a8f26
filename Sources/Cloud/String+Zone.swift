extension String {
    /// `us-central1-a` → `us-central1`: the region of a zone; empty without a dash.
    var droppingLastDashPart: String { lastIndex(of: "-").map { String(self[..<$0]) } ?? "" }

    /// `fr-par-1` → `fr-par`: what is before a number at the end; empty if there is none.
    var droppingDashNumber: String {
        guard let dash = lastIndex(of: "-") else { return "" }
        let number = self[index(after: dash)...]
        return number.isEmpty || !number.utf8.allSatisfy { (0x30...0x39).contains($0) } ? "" : String(self[..<dash])
    }
}
