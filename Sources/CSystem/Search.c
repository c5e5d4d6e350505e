// Finds bytes in bytes, many at a time.
#define _GNU_SOURCE
#include "CSystem.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// What a letter is compared with, and the bit that is set before, so that capitals compare equal.
typedef struct {
    uint8_t value, bit;
} letter;

static letter letter_of(uint8_t byte, int folds) {
    uint8_t low = byte | 0x20;
    int is_letter = low >= 'a' && low <= 'z';
    return folds && is_letter ? (letter){low, 0x20} : (letter){byte, 0};
}

static int is_equal(const uint8_t *text, const uint8_t *needle, size_t size, int folds) {
    if (!folds) return memcmp(text, needle, size) == 0;
    for (size_t i = 0; i < size; i++) {
        letter one = letter_of(needle[i], 1);
        if ((text[i] | one.bit) != one.value) return 0;
    }
    return 1;
}

// How often a byte is met in logs that are JSON lines: the higher, the more often.
static unsigned frequency(uint8_t byte) {
    static const char often[] = "\"e0t2a:1ionrs-,ld3456789cmpu fghy.bvkw";
    const char *found = byte ? strchr(often, byte) : 0;
    if (found) return 250 - (unsigned)(found - often) * 4;
    if (byte >= 'a' && byte <= 'z') return 60;
    if (byte == '\\' || byte == '/' || byte == '=' || byte == '_') return 70;
    return byte >= 0x80 ? 30 : 20;
}

void cs_needle_prepare(cs_needle *needle) {
    // The two rarest bytes are looked for together; a single byte is its own second.
    size_t first = 0, second = 0;
    unsigned least = ~0u, next = ~0u;
    for (size_t i = 0; i < needle->size; i++) {
        unsigned often = frequency(needle->bytes[i]) * (needle->folds ? 2 : 1);
        if (often < least) {
            next = least, second = first;
            least = often, first = i;
        } else if (often < next) {
            next = often, second = i;
        }
    }
    if (next == ~0u) second = first;
    needle->first = first;
    needle->second = second;
}

static size_t find_by_byte(const uint8_t *text, size_t size, size_t from, const cs_needle *needle) {
    letter one = letter_of(needle->bytes[needle->first], needle->folds);
    for (size_t i = from; i + needle->size <= size; i++) {
        if ((text[i + needle->first] | one.bit) == one.value && is_equal(text + i, needle->bytes, needle->size, needle->folds))
            return i;
    }
    return size;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static size_t find_32(const uint8_t *text, size_t size, size_t from, const cs_needle *needle) {
    letter a = letter_of(needle->bytes[needle->first], needle->folds);
    letter b = letter_of(needle->bytes[needle->second], needle->folds);
    letter start = letter_of(needle->bytes[0], needle->folds);
    letter stop = letter_of(needle->bytes[needle->size - 1], needle->folds);
    __m256i value_a = _mm256_set1_epi8((char)a.value), bit_a = _mm256_set1_epi8((char)a.bit);
    __m256i value_b = _mm256_set1_epi8((char)b.value), bit_b = _mm256_set1_epi8((char)b.bit);
    // The last byte that is loaded for place i is at i + size of the needle - 1 + 31.
    size_t i = from;
    for (; i + needle->size + 31 <= size; i += 32) {
        __m256i at_a = _mm256_loadu_si256((const __m256i *)(text + i + needle->first));
        __m256i at_b = _mm256_loadu_si256((const __m256i *)(text + i + needle->second));
        __m256i both = _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_or_si256(at_a, bit_a), value_a),
                                        _mm256_cmpeq_epi8(_mm256_or_si256(at_b, bit_b), value_b));
        uint32_t hits = (uint32_t)_mm256_movemask_epi8(both);
        while (hits) {
            size_t place = i + (size_t)__builtin_ctz(hits);
            // Most places differ in their first or last byte: a call costs more.
            int may_be = (text[place] | start.bit) == start.value && (text[place + needle->size - 1] | stop.bit) == stop.value;
            if (may_be && is_equal(text + place, needle->bytes, needle->size, needle->folds)) return place;
            hits &= hits - 1;
        }
    }
    return find_by_byte(text, size, i, needle);
}
#endif

size_t cs_find(const void *text, size_t size, size_t from, const cs_needle *needle) {
    if (needle->size == 0 || size < needle->size) return size;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return find_32(text, size, from, needle);
#endif
    return find_by_byte(text, size, from, needle);
}

ptrdiff_t cs_place(const void *text, size_t size, const void *part, size_t part_size) {
    const uint8_t *found = memmem(text, size, part, part_size);
    return found ? found - (const uint8_t *)text : -1;
}

size_t cs_count_lines(const void *text, size_t size) {
    const uint8_t *bytes = text;
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += bytes[i] == '\n';
    return count;
}

size_t cs_line_start(const void *text, size_t place) {
    const uint8_t *found = place ? memrchr(text, '\n', place) : 0;
    return found ? (size_t)(found - (const uint8_t *)text) + 1 : 0;
}
