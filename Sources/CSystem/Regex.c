// Regular expressions, by PCRE2.
#define _GNU_SOURCE
#define PCRE2_CODE_UNIT_WIDTH 8
#include "CSystem.h"
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

struct cs_regex {
    pcre2_code *code;
    pcre2_match_context *context;
};

// How many ways of matching are tried before one text is given up: a nested repetition has as many as 2 to the power of
// its length.
static const uint32_t match_limit = 5000000;

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void drop(void *data) { pcre2_match_data_free(data); }
static void make_key(void) { pthread_key_create(&key, drop); }

// What a match needs to write to: each thread has its own.
static pcre2_match_data *own_match_data(void) {
    pthread_once(&key_once, make_key);
    pcre2_match_data *data = pthread_getspecific(key);
    if (!data) {
        data = pcre2_match_data_create(1 + cs_regex_most_groups, NULL);
        pthread_setspecific(key, data);
    }
    return data;
}

cs_regex *cs_regex_compile(
    const void *pattern, size_t size, int folds, char *message, size_t message_size, size_t *place) {
    int error = 0;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | (folds ? PCRE2_CASELESS : 0);
    pcre2_code *code = pcre2_compile(pattern, size, options, &error, place, NULL);
    if (!code) {
        if (pcre2_get_error_message(error, (PCRE2_UCHAR *)message, message_size) < 0) message[0] = 0;
        return NULL;
    }
    // Without it, on a processor that it does not know, matching is only slower.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    cs_regex *made = calloc(1, sizeof *made);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    if (!made || !context) {
        free(made);
        pcre2_code_free(code);
        if (context) pcre2_match_context_free(context);
        *place = 0;
        message[0] = 0;
        return NULL;
    }
    pcre2_set_match_limit(context, match_limit);
    made->code = code;
    made->context = context;
    return made;
}

void cs_regex_free(cs_regex *regex) {
    if (!regex) return;
    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->context);
    free(regex);
}

// Matches from a byte on; what was found is in the thread's own match data.
static int match(const cs_regex *regex, const void *text, size_t size, size_t from) {
    static const char nothing[1] = "";
    if (!text) text = nothing;
    pcre2_match_data *data = own_match_data();
    if (!data) return cs_regex_gave_up;
    int result = pcre2_match(regex->code, text, size, from, 0, data, regex->context);
    // Where the quick way has no room on its stack, the other one has.
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
        result = pcre2_match(regex->code, text, size, from, PCRE2_NO_JIT, data, regex->context);
    if (result >= 0) return cs_regex_found;
    if (result == PCRE2_ERROR_NOMATCH) return cs_regex_nothing;
    if (result <= PCRE2_ERROR_UTF8_ERR1 && result >= PCRE2_ERROR_UTF8_ERR21) return cs_regex_no_utf8;
    return cs_regex_gave_up;
}

int cs_regex_matches(const cs_regex *regex, const void *text, size_t size) { return match(regex, text, size, 0); }

int cs_regex_find(const cs_regex *regex, const void *text, size_t size, size_t from, size_t range[2]) {
    int result = match(regex, text, size, from);
    if (result != cs_regex_found) return result;
    PCRE2_SIZE *ends = pcre2_get_ovector_pointer(own_match_data());
    range[0] = ends[0];
    // A pattern may set the start of its match behind its end.
    range[1] = ends[1] < ends[0] ? ends[0] : ends[1];
    return result;
}

int cs_regex_group_count(const cs_regex *regex) {
    uint32_t count = 0;
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
    return (int)count;
}

int cs_regex_groups(const cs_regex *regex, const void *text, size_t size, size_t ranges[2 * cs_regex_most_groups]) {
    int result = match(regex, text, size, 0);
    if (result != cs_regex_found) return result;
    PCRE2_SIZE *ends = pcre2_get_ovector_pointer(own_match_data());
    for (int end = 0; end < 2 * cs_regex_most_groups; end++) {
        // What a pattern has too few groups for is not written to.
        int is_there = end / 2 < cs_regex_group_count(regex);
        ranges[end] = is_there && ends[2 + end] != PCRE2_UNSET ? ends[2 + end] : 0;
    }
    return result;
}
