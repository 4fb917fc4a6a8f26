/// Who is told of exchanges, synchronously, while a segment is being read.
public protocol ExchangeReceiver: AnyObject {
    /// `text` is empty unless texts were asked for; it is valid during the call.
    func receive(_ exchange: Exchange, _ text: borrowing RequestText)
}
