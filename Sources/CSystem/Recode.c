#include "CSystem.h"

#include <errno.h>
#include <iconv.h>

void *cs_recoder_open(const char *encoding) {
    iconv_t made = iconv_open("UTF-8", encoding);
    return made == (iconv_t)-1 ? NULL : (void *)made;
}

void cs_recoder_close(void *recoder) { iconv_close((iconv_t)recoder); }

cs_recode_end cs_recode(
    void *recoder, const uint8_t *bytes, size_t size, size_t *taken, uint8_t *text, size_t room, size_t *written) {
    char *from = (char *)bytes, *to = (char *)text;
    size_t left = size, free = room;
    size_t result = iconv((iconv_t)recoder, &from, &left, &to, &free);
    int error = errno;
    *taken = size - left;
    *written = room - free;
    if (result != (size_t)-1) return CS_RECODED;
    if (error == E2BIG) return CS_RECODE_FULL;
    return error == EINVAL ? CS_RECODE_PARTIAL : CS_RECODE_INVALID;
}
