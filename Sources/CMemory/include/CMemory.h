#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// What Swift has no words for.

// Asks for the cache line at `address`, which may be any address; waits for nothing.
static inline void martlet_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

// memmem(3), which needs _GNU_SOURCE.
const void *martlet_find(const void *bytes, size_t count, const void *wanted, size_t length);

// Sixteen bytes that are compared at once: Swift's own vectors compare one element after the other.
typedef uint8_t martlet_block __attribute__((ext_vector_type(16)));
typedef __typeof__((martlet_block)0 == (martlet_block)0) martlet_marks;
typedef _Bool martlet_bools __attribute__((ext_vector_type(16)));

// A bit for each byte that a comparison found, the first one lowest.
static inline uint64_t martlet_bits(martlet_marks marks) {
    martlet_bools bools = __builtin_convertvector(marks, martlet_bools);
    uint16_t bits;
    memcpy(&bits, &bools, sizeof(bits));
    return bits;
}

static inline martlet_block martlet_load(const uint8_t *bytes) {
    martlet_block block;
    memcpy(&block, bytes, sizeof(block));
    return block;
}

// Where 64 bytes are that have the `count` ones at `bytes` among them: they themselves where they are as many, the 64 before their end
// where `before` lie in front of them, or else a copy in `room` with zeros behind them. `*skip` is how many come before the first one.
static inline const uint8_t *martlet_window(
    const uint8_t *bytes, size_t count, size_t before, uint8_t room[64], unsigned *skip
) {
    *skip = 0;
    if (count >= 64) return bytes;
    if (before + count >= 64) {
        *skip = (unsigned)(64 - count);
        return bytes + count - 64;
    }
    memset(room, 0, 64);
    memcpy(room, bytes, count);
    return room;
}

// White space of ASCII.
static inline martlet_marks martlet_blanks(martlet_block block) { return (block == 0x20) | ((block - 0x09) < 5); }

// What `martlet_mark_level` finds: a bit for each byte.
struct martlet_level_marks {
    uint64_t blanks;
    // Blanks and `] ) ; | : , .`.
    uint64_t ends;
    uint64_t digits;
};

// Marks at most 64 bytes that have `before` others in front of them.
static inline struct martlet_level_marks martlet_mark_level(const uint8_t *bytes, size_t count, size_t before) {
    struct martlet_level_marks marks = {0, 0, 0};
    uint8_t room[64];
    unsigned skip;
    const uint8_t *window = martlet_window(bytes, count, before, room, &skip);
#pragma clang loop unroll(full)
    for (unsigned at = 0; at < 64; at += 16) {
        martlet_block block = martlet_load(window + at);
        martlet_marks blanks = martlet_blanks(block);
        martlet_marks ends = blanks | (block == ']') | (block == ')') | (block == '|') | (block == ',') |
                             (block == '.') | ((block - ':') < 2);
        marks.blanks |= martlet_bits(blanks) << at;
        marks.ends |= martlet_bits(ends) << at;
        marks.digits |= martlet_bits((block - '0') < 10) << at;
    }
    marks.blanks >>= skip;
    marks.ends >>= skip;
    marks.digits >>= skip;
    return marks;
}

// What `martlet_mark_words` finds: a bit for each byte.
struct martlet_word_marks {
    uint64_t blanks;
    uint64_t letters;
    // Letters and digits of hexadecimal numbers.
    uint64_t hexadecimals;
    uint64_t digits;
    // Letters, digits, `.`, `-` and `_`.
    uint64_t plain;
    // Quotes, brackets, and what is not ASCII.
    uint64_t others;
};

// Marks at most 64 bytes that have `before` others in front of them.
static inline struct martlet_word_marks martlet_mark_words(const uint8_t *bytes, size_t count, size_t before) {
    struct martlet_word_marks marks = {0, 0, 0, 0, 0, 0};
    uint8_t room[64];
    unsigned skip;
    const uint8_t *window = martlet_window(bytes, count, before, room, &skip);
#pragma clang loop unroll(full)
    for (unsigned at = 0; at < 64; at += 16) {
        martlet_block block = martlet_load(window + at);
        martlet_block lowered = block | 0x20;
        martlet_marks letters = (lowered - 'a') < 26;
        martlet_marks digits = (block - '0') < 10;
        martlet_marks plain = letters | digits | (block == '_') | ((block - '-') < 2);
        // With bit 5 set, brackets are braces.
        martlet_marks others = (block >= 0x80) | (block == '"') | ((block - '\'') < 3) | (lowered == '{') | (lowered == '}');
        marks.blanks |= martlet_bits(martlet_blanks(block)) << at;
        marks.letters |= martlet_bits(letters) << at;
        marks.hexadecimals |= martlet_bits(digits | ((lowered - 'a') < 6)) << at;
        marks.digits |= martlet_bits(digits) << at;
        marks.plain |= martlet_bits(plain) << at;
        marks.others |= martlet_bits(others) << at;
    }
    marks.blanks >>= skip;
    marks.letters >>= skip;
    marks.hexadecimals >>= skip;
    marks.digits >>= skip;
    marks.plain >>= skip;
    marks.others >>= skip;
    return marks;
}

// The first of `count` bytes that is a quote, a backslash or a control character, as ends a run of a JSON string; `count` if there
// is none.
static inline size_t martlet_string_end(const uint8_t *bytes, size_t count) {
    size_t at = 0;
    for (; count - at >= 16; at += 16) {
        martlet_block block = martlet_load(bytes + at);
        uint64_t bits = martlet_bits((block == '"') | (block == '\\') | (block < 0x20));
        if (bits) return at + (size_t)__builtin_ctzll(bits);
    }
    while (at < count && bytes[at] != '"' && bytes[at] != '\\' && bytes[at] >= 0x20) at++;
    return at;
}
