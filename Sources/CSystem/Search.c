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
    // The three rarest bytes are looked for together; where there are fewer, the rarest stands for the others.
    size_t places[3] = {0, 0, 0};
    unsigned often[3] = {~0u, ~0u, ~0u};
    for (size_t i = 0; i < needle->size; i++) {
        unsigned one = frequency(needle->bytes[i]) * (needle->folds ? 2 : 1);
        size_t rank = 3;
        while (rank > 0 && one < often[rank - 1]) rank--;
        for (size_t lower = 2; lower > rank; lower--) often[lower] = often[lower - 1], places[lower] = places[lower - 1];
        if (rank < 3) often[rank] = one, places[rank] = i;
    }
    for (size_t rank = 0; rank < 3; rank++) needle->rarest[rank] = often[rank] == ~0u ? places[0] : places[rank];
}

static size_t find_by_byte(const uint8_t *text, size_t size, size_t from, const cs_needle *needle) {
    letter one = letter_of(needle->bytes[needle->rarest[0]], needle->folds);
    for (size_t i = from; i + needle->size <= size; i++) {
        if ((text[i + needle->rarest[0]] | one.bit) == one.value && is_equal(text + i, needle->bytes, needle->size, needle->folds))
            return i;
    }
    return size;
}

#if defined(__x86_64__)
typedef struct {
    __m256i value, bit;
} letters;

__attribute__((target("avx2"))) static letters letters_of(uint8_t byte, int folds) {
    letter one = letter_of(byte, folds);
    return (letters){_mm256_set1_epi8((char)one.value), _mm256_set1_epi8((char)one.bit)};
}

// The places of 32 bytes that are a letter.
__attribute__((target("avx2"))) static inline __m256i are(const uint8_t *text, letters one) {
    return _mm256_cmpeq_epi8(_mm256_or_si256(_mm256_loadu_si256((const __m256i *)text), one.bit), one.value);
}

__attribute__((target("avx2"))) static size_t find_64(const uint8_t *text, size_t size, size_t from, const cs_needle *needle) {
    const size_t *at = needle->rarest;
    letters a = letters_of(needle->bytes[at[0]], needle->folds);
    letters b = letters_of(needle->bytes[at[1]], needle->folds);
    letters c = letters_of(needle->bytes[at[2]], needle->folds);
    // The last byte that is loaded for place i is at i + size of the needle - 1 + 63.
    size_t i = from;
    for (; i + needle->size + 63 <= size; i += 64) {
        const uint8_t *low = text + i, *high = low + 32;
        __m256i in_low = _mm256_and_si256(_mm256_and_si256(are(low + at[0], a), are(low + at[1], b)), are(low + at[2], c));
        __m256i in_high = _mm256_and_si256(_mm256_and_si256(are(high + at[0], a), are(high + at[1], b)), are(high + at[2], c));
        __m256i any = _mm256_or_si256(in_low, in_high);
        if (__builtin_expect(_mm256_testz_si256(any, any), 1)) continue;
        uint64_t hits = (uint32_t)_mm256_movemask_epi8(in_low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(in_high) << 32;
        for (; hits; hits &= hits - 1) {
            size_t place = i + (size_t)__builtin_ctzll(hits);
            if (is_equal(text + place, needle->bytes, needle->size, needle->folds)) return place;
        }
    }
    return find_by_byte(text, size, i, needle);
}
#endif

size_t cs_find(const void *text, size_t size, size_t from, const cs_needle *needle) {
    if (needle->size == 0 || size < needle->size) return size;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return find_64(text, size, from, needle);
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
