/// The lines that one endpoint may write again and again, each at most once a minute.
struct PushLogs {
    var failure = LogLimit()
    var rejection = LogLimit()
    var overflow = LogLimit()
    var spool = LogLimit()
    var size = LogLimit()

    static func note(_ held: Int) -> String {
        held == 0 ? "" : " (\(held) more in the last minute)"
    }
}
