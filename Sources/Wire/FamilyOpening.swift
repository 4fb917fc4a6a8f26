/// Where a series stands in its family.
enum FamilyOpening {
    /// The first of its family in this snapshot.
    case first
    /// The first in this request; an earlier request has others of its family.
    case continued
    /// Another series of the family is before it in this request.
    case none
}
