/// A moment as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate; RFC 9110, 5.6.7). The two obsolete forms, which nobody
/// may send, are not read.
struct HTTPDate: Equatable, Sendable {
    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Since the Unix epoch.
    let seconds: Int

    /// Nil if it is anything else.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 29 else { return nil }
        func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].reduce(0) { value, byte in
                guard let value, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                return 10 * value + Int(byte - UInt8(ascii: "0"))
            }
        }
        guard Self.days.contains(part(0..<3)), part(3..<5) == ", ", part(7..<8) == " ", part(11..<12) == " ",
            part(16..<17) == " ", part(19..<20) == ":", part(22..<23) == ":", part(25..<29) == " GMT",
            let month = Self.months.firstIndex(of: part(8..<11)), let day = number(5..<7), (1...31).contains(day),
            let year = number(12..<16), let hour = number(17..<19), hour < 24, let minute = number(20..<22),
            minute < 60,
            // 60 is a leap second.
            let second = number(23..<25), second <= 60
        else { return nil }
        seconds = 86_400 * Self.days(year, month + 1, day) + 3600 * hour + 60 * minute + second
    }

    /// Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that the leap day is the last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let month = (month + 9) % 12
        // From March on months have 153 days in every five.
        return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
    }
}
