/// The first error code in the body of an answer, as far as the body was captured.
enum KafkaAnswer {
    /// The status of the answer to a request of `key` and `version`; `body` begins after the correlation id.
    static func status(of key: Int16, version: Int16, _ body: RawSpan) -> ExchangeStatus {
        guard let api = KafkaAPI.named(key), version <= api.newest, api.place != .unknown else { return .unknown }
        let isFlexible = version >= api.flexible
        var reader = KafkaReader(body, at: 0, isFlexible: isFlexible)
        // The header of the answer to ApiVersions never has tags: its reader does not know yet what the server speaks.
        if key != KafkaAPI.apiVersions { reader.tags() }
        if version >= api.throttled { reader.skip(4) }
        var errors = Errors()
        read(api.place, key, version, &reader, &errors)
        return errors.status
    }

    /// What has been seen of error codes.
    private struct Errors {
        private var isRead = false
        private var isFailed = false

        mutating func add(_ code: Int16, isCut: Bool) {
            if isCut { return }
            isRead = true
            if code != 0 { isFailed = true }
        }

        var isDone: Bool { isFailed }
        var status: ExchangeStatus { isFailed ? .failed : isRead ? .ok : .unknown }
    }

    private static func read(
        _ place: KafkaAPI.ErrorPlace, _ key: Int16, _ version: Int16, _ reader: inout KafkaReader,
        _ errors: inout Errors
    ) {
        switch place {
        case .unknown: break
        case .first: code(&reader, &errors)
        case .elements: if reader.count() > 0 { code(&reader, &errors) }
        case .named: named(key, version, &reader, &errors)
        case .partitions: topics(rest(of: key, version), &reader, &errors)
        case .produce: produce(version, &reader, &errors)
        case .fetch: fetch(version, &reader, &errors)
        case .metadata: metadata(version, &reader, &errors)
        case .offsetFetch: offsetFetch(version, &reader, &errors)
        case .findCoordinator: findCoordinator(version, &reader, &errors)
        case .addPartitions: if version >= 4 { code(&reader, &errors) } else { topics(0, &reader, &errors) }
        }
        // An empty array is an answer without a fault.
        if !reader.isCut, place != .unknown { errors.add(0, isCut: false) }
    }

    private static func code(_ reader: inout KafkaReader, _ errors: inout Errors) {
        let code = reader.int16()
        errors.add(code, isCut: reader.isCut)
    }

    private static func named(
        _ key: Int16, _ version: Int16, _ reader: inout KafkaReader, _ errors: inout Errors
    ) {
        guard reader.count() > 0 else { return }
        reader.skipString()
        // Topics have ids, CreateTopics since version 7 and DeleteTopics since version 6.
        if key == 19 && version >= 7 || key == 20 && version >= 6 { reader.skip(16) }
        code(&reader, &errors)
    }

    /// Bytes of a partition after its error code.
    private static func rest(of key: Int16, _ version: Int16) -> Int? {
        switch key {
        case 2: version >= 4 ? 20 : version >= 1 ? 16 : nil
        case 8, 28: 0
        default: nil
        }
    }

    /// Topics with partitions of number, error and `rest` bytes; nil: only the first partition can be read.
    private static func topics(
        _ rest: Int?, _ reader: inout KafkaReader, idFrom: Bool = false, _ errors: inout Errors
    ) {
        var topics = reader.count()
        while topics > 0, !reader.isCut, !errors.isDone {
            if idFrom { reader.skip(16) } else { reader.skipString() }
            var partitions = reader.count()
            while partitions > 0, !reader.isCut, !errors.isDone {
                reader.skip(4)
                code(&reader, &errors)
                guard let rest else { return }
                reader.skip(rest)
                reader.tags()
                partitions -= 1
            }
            reader.tags()
            topics -= 1
        }
    }

    private static func produce(_ version: Int16, _ reader: inout KafkaReader, _ errors: inout Errors) {
        var topics = reader.count()
        while topics > 0, !reader.isCut, !errors.isDone {
            if version >= 13 { reader.skip(16) } else { reader.skipString() }
            var partitions = reader.count()
            while partitions > 0, !reader.isCut, !errors.isDone {
                reader.skip(4)
                code(&reader, &errors)
                // Offsets and the time of appending.
                reader.skip(version >= 5 ? 24 : version >= 2 ? 16 : 8)
                if version >= 8 {
                    var records = reader.count()
                    while records > 0, !reader.isCut {
                        reader.skip(4)
                        reader.skipString()
                        reader.tags()
                        records -= 1
                    }
                    reader.skipString()
                }
                reader.tags()
                partitions -= 1
            }
            reader.tags()
            topics -= 1
        }
    }

    /// The request's own error, and that of the first partition: the records of a partition are before the next.
    private static func fetch(_ version: Int16, _ reader: inout KafkaReader, _ errors: inout Errors) {
        if version >= 7 {
            code(&reader, &errors)
            reader.skip(4)
        }
        topics(nil, &reader, idFrom: version >= 13, &errors)
    }

    private static func metadata(_ version: Int16, _ reader: inout KafkaReader, _ errors: inout Errors) {
        var brokers = reader.count()
        while brokers > 0, !reader.isCut {
            reader.skip(4)
            reader.skipString()
            reader.skip(4)
            if version >= 1 { reader.skipString() }
            reader.tags()
            brokers -= 1
        }
        if version >= 2 { reader.skipString() }
        if version >= 1 { reader.skip(4) }
        // The first topic's: the others follow their partitions.
        if reader.count() > 0 { code(&reader, &errors) }
    }

    private static func offsetFetch(_ version: Int16, _ reader: inout KafkaReader, _ errors: inout Errors) {
        if version >= 8 {
            guard reader.count() > 0 else { return }
            reader.skipString()
        }
        var topics = reader.count()
        while topics > 0, !reader.isCut, !errors.isDone {
            if version >= 10 { reader.skip(16) } else { reader.skipString() }
            var partitions = reader.count()
            while partitions > 0, !reader.isCut, !errors.isDone {
                reader.skip(version >= 5 ? 16 : 12)
                reader.skipString()
                code(&reader, &errors)
                reader.tags()
                partitions -= 1
            }
            reader.tags()
            topics -= 1
        }
        if version >= 2, !errors.isDone { code(&reader, &errors) }
    }

    private static func findCoordinator(_ version: Int16, _ reader: inout KafkaReader, _ errors: inout Errors) {
        guard version >= 4 else { return code(&reader, &errors) }
        var coordinators = reader.count()
        while coordinators > 0, !reader.isCut, !errors.isDone {
            reader.skipString()
            reader.skip(4)
            reader.skipString()
            reader.skip(4)
            code(&reader, &errors)
            reader.skipString()
            reader.tags()
            coordinators -= 1
        }
    }
}
