import Testing

/// Tests that block threads and watch the clock run one after the other.
@Suite(.serialized) enum ExchangeTests {}
