// Remote write 1.0 as one would write it by hand in C, with the labels of every series prepared: the same requests as
// Martlet's encoder makes, byte for byte.
#include "CBench.h"

#include <string.h>

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) size++;
    return size;
}

static uint8_t *write_varint(uint8_t *target, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *target++ = (uint8_t)(value | 0x80);
    *target++ = (uint8_t)value;
    return target;
}

size_t bench_encode(
    const struct bench_family *families, size_t family_count, int64_t timestamp, uint8_t *buffer, size_t capacity,
    size_t sample_limit, size_t byte_limit, void (*request)(void *context, const uint8_t *bytes, size_t count),
    void *context) {
    size_t samples = 0, total = 0;
    uint8_t *end = buffer;
    const size_t sample_length = 9 + 1 + varint_size((uint64_t)timestamp);
    for (size_t f = 0; f < family_count; f++) {
        const struct bench_family *family = &families[f];
        bool first = true;
        for (size_t i = 0; i < family->count; i++) {
            const struct bench_series *series = &family->series[i];
            const struct bench_labels *labels = series->labels;
            const size_t length = labels->count + family->name_count + 2 + sample_length;
            const size_t size = 1 + varint_size(length) + length + (first ? family->metadata_count : 0);
            if (samples > 0 && (samples == sample_limit || (size_t)(end - buffer) + size > byte_limit)) {
                request(context, buffer, (size_t)(end - buffer));
                end = buffer;
                samples = 0;
            }
            if ((size_t)(end - buffer) + size > capacity) return 0;
            if (first) {
                memcpy(end, family->metadata, family->metadata_count);
                end += family->metadata_count;
                first = false;
            }
            *end++ = 1 << 3 | 2;
            end = write_varint(end, length);
            if (labels->split > 0) memcpy(end, labels->bytes, labels->split);
            end += labels->split;
            memcpy(end, family->name, family->name_count);
            end += family->name_count;
            memcpy(end, labels->bytes + labels->split, labels->count - labels->split);
            end += labels->count - labels->split;
            *end++ = 2 << 3 | 2;
            *end++ = (uint8_t)sample_length;
            *end++ = 1 << 3 | 1;
            memcpy(end, &series->value, 8);
            end += 8;
            *end++ = 2 << 3;
            end = write_varint(end, (uint64_t)timestamp);
            samples++;
            total++;
        }
    }
    if (samples > 0) request(context, buffer, (size_t)(end - buffer));
    return total;
}
