// Reads what is packed in a zip file.
#include "CSystem.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 64 << 10 };

struct cs_unzip {
    z_stream stream;
    int fd, is_packed, at_end;
    off_t next;
    uint64_t left, size, given;
    uint32_t checksum, found;
    unsigned char in[CHUNK];
};

cs_unzip *cs_unzip_open(int fd, int64_t from, uint64_t packed, uint64_t size, uint32_t checksum, int is_packed) {
    cs_unzip *member = calloc(1, sizeof *member);
    if (!member) return NULL;
    // Negative: without a header of its own.
    if (inflateInit2(&member->stream, -15) != Z_OK) {
        free(member);
        return NULL;
    }
    member->fd = fd;
    member->next = from;
    member->left = packed;
    member->size = size;
    member->checksum = checksum;
    member->found = (uint32_t)crc32(0, NULL, 0);
    member->is_packed = is_packed;
    return member;
}

// Reads the next packed bytes; -1 when the file ends before them.
static ssize_t fill(cs_unzip *member, void *bytes, size_t room) {
    size_t wanted = member->left < room ? (size_t)member->left : room;
    if (!wanted) return 0;
    ssize_t count;
    do count = pread(member->fd, bytes, wanted, member->next);
    while (count < 0 && errno == EINTR);
    if (count <= 0) return -1;
    member->next += count;
    member->left -= (uint64_t)count;
    return count;
}

ssize_t cs_unzip_read(cs_unzip *member, void *bytes, size_t size) {
    ssize_t count = 0;
    if (!member->is_packed) {
        count = fill(member, bytes, size);
        if (count < 0) return -1;
        member->at_end = count == 0;
    } else {
        z_stream *stream = &member->stream;
        stream->next_out = bytes;
        stream->avail_out = (unsigned)size;
        while (stream->avail_out && !member->at_end) {
            if (!stream->avail_in) {
                ssize_t more = fill(member, member->in, CHUNK);
                if (more <= 0) return -1;
                stream->next_in = member->in;
                stream->avail_in = (unsigned)more;
            }
            int result = inflate(stream, Z_NO_FLUSH);
            if (result == Z_STREAM_END) member->at_end = 1;
            else if (result != Z_OK && result != Z_BUF_ERROR) return -1;
        }
        count = (ssize_t)(size - stream->avail_out);
    }
    member->found = (uint32_t)crc32(member->found, bytes, (unsigned)count);
    member->given += (uint64_t)count;
    int is_whole = member->given == member->size && member->found == member->checksum;
    // The last bytes are given when they are known to be right.
    if (member->given > member->size || (member->at_end && !is_whole)) return -1;
    return count;
}

void cs_unzip_close(cs_unzip *member) {
    inflateEnd(&member->stream);
    free(member);
}
