import Foundation

/// Asks again and again until the answer is not nil; nil after `seconds`.
func eventually<Answer>(within seconds: Double, every pause: Double = 0.05, _ ask: () throws -> Answer?) rethrows
    -> Answer?
{
    let end = Machine.now + seconds
    while true {
        if let answer = try ask() { return answer }
        if Machine.now >= end { return nil }
        usleep(UInt32(pause * 1e6))
    }
}

/// Asks again and again until the answer is true; false after `seconds`.
func soon(within seconds: Double, every pause: Double = 0.05, _ ask: () throws -> Bool) rethrows -> Bool {
    try eventually(within: seconds, every: pause) { try ask() ? true : nil } ?? false
}
