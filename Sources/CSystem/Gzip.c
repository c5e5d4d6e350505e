// Reads and writes the gzip format.
#define _GNU_SOURCE // memmem, memrchr
#include "CSystem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

// A segment is compressed as several members of the format, each with a checksum of its own: what is damaged is noticed
// before it is read, and the members behind it are whole. Members end with a line, and are not larger than PART.
enum { CHUNK = 256 << 10, PART = 512 << 10 };

// What this file's members begin with.
static const unsigned char HEADER[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

struct cs_gunzip {
    z_stream stream;
    int fd, at_end, is_inside;
    // How many members there were; whether they are of this file's writer, so that none is larger than PART.
    int members, is_own;
    enum { SOUND, TO_TELL, TO_SKIP } damage;
    // Where in the file the next bytes are read, and where the member begins.
    off_t next, member;
    unsigned char in[CHUNK];
};

cs_gunzip *cs_gunzip_open(int fd) {
    cs_gunzip *file = calloc(1, sizeof *file);
    if (!file) return NULL;
    file->fd = fd;
    // 16: only the gzip format.
    if (inflateInit2(&file->stream, 15 + 16) != Z_OK) {
        free(file);
        return NULL;
    }
    return file;
}

// Moves what is left to the front and reads more behind it; 0 when there is no more.
static int fill(cs_gunzip *file) {
    z_stream *stream = &file->stream;
    if (stream->avail_in) memmove(file->in, stream->next_in, stream->avail_in);
    ssize_t count;
    do count = pread(file->fd, file->in + stream->avail_in, CHUNK - stream->avail_in, file->next);
    while (count < 0 && errno == EINTR);
    stream->next_in = file->in;
    if (count <= 0) return 0;
    stream->avail_in += (unsigned)count;
    file->next += count;
    return 1;
}

// Goes to the first member behind the beginning of the one that is damaged.
static void skip_member(cs_gunzip *file) {
    z_stream *stream = &file->stream;
    file->next = file->member + 1;
    stream->avail_in = 0;
    while (fill(file)) {
        unsigned char *found = memmem(stream->next_in, stream->avail_in, HEADER, sizeof HEADER);
        unsigned kept = stream->avail_in < sizeof HEADER - 1 ? stream->avail_in : sizeof HEADER - 1;
        if (found) kept = stream->avail_in - (unsigned)(found - stream->next_in);
        stream->next_in += stream->avail_in - kept;
        stream->avail_in = kept;
        if (found) return;
    }
    file->at_end = 1;
}

ssize_t cs_gunzip_read(cs_gunzip *file, void *bytes, size_t size) {
    z_stream *stream = &file->stream;
    if (file->damage == TO_TELL) {
        file->damage = TO_SKIP;
        return -1;
    }
    if (file->damage == TO_SKIP) {
        skip_member(file);
        file->damage = SOUND;
    }
    // The bytes of members whose checksums are right.
    size_t whole = 0;
    stream->next_out = bytes;
    stream->avail_out = (unsigned)size;
    while (stream->avail_out && !file->at_end && !file->damage) {
        if (!stream->avail_in && !fill(file)) {
            // The file ends within a member, or has none.
            if (file->is_inside || !file->members) {
                file->damage = TO_TELL;
                file->members = 1;
            } else {
                file->at_end = 1;
            }
            continue;
        }
        if (!file->is_inside) {
            // A member that may not fit is read the next time.
            if (whole && stream->avail_out < PART) break;
            if (!file->members++) {
                file->is_own = stream->avail_in >= sizeof HEADER && !memcmp(stream->next_in, HEADER, sizeof HEADER);
            }
            inflateReset(stream);
            file->member = file->next - stream->avail_in;
            file->is_inside = 1;
        }
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END) {
            file->is_inside = 0;
            whole = size - stream->avail_out;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            file->damage = TO_TELL;
        }
    }
    // Damage may make a member longer than it was.
    if (file->is_inside && file->is_own) file->damage = TO_TELL;
    // A member of another program that is larger than the room: its checksum comes too late.
    if (!file->damage) return (ssize_t)(size - stream->avail_out);
    file->is_inside = 0;
    if (whole) return (ssize_t)whole;
    file->damage = TO_SKIP;
    return -1;
}

void cs_gunzip_close(cs_gunzip *file) {
    inflateEnd(&file->stream);
    free(file);
}

static int write_all(int fd, const unsigned char *bytes, size_t size) {
    while (size) {
        ssize_t count = write(fd, bytes, size);
        if (count < 0) {
            if (errno == EINTR) continue;
            return -errno;
        }
        bytes += count;
        size -= (size_t)count;
    }
    return 0;
}

// Compresses one member.
static int write_member(z_stream *stream, unsigned char *bytes, size_t size, unsigned char *out, int to) {
    deflateReset(stream);
    stream->next_in = bytes;
    stream->avail_in = (unsigned)size;
    int error = 0;
    do {
        stream->next_out = out;
        stream->avail_out = CHUNK;
        deflate(stream, Z_FINISH);
        error = write_all(to, out, CHUNK - stream->avail_out);
    } while (!error && stream->avail_out == 0);
    return error;
}

int cs_gzip(int from, int to) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    unsigned char *in = malloc(PART + CHUNK);
    if (!in) return -ENOMEM;
    unsigned char *out = in + PART;
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(in);
        return -ENOMEM;
    }
    int error = 0, at_end = 0;
    size_t held = 0, members = 0;
    while (!error) {
        while (held < PART && !at_end) {
            ssize_t count = read(from, in + held, PART - held);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) error = -errno;
            at_end = count <= 0;
            if (count > 0) held += (size_t)count;
        }
        // An empty file is one empty member.
        if (error || (!held && members)) break;
        unsigned char *line = at_end || !held ? NULL : memrchr(in, '\n', held);
        size_t size = line ? (size_t)(line - in) + 1 : held;
        error = write_member(&stream, in, size, out, to);
        members++;
        held -= size;
        memmove(in, in + size, held);
        if (at_end && !held) break;
    }
    deflateEnd(&stream);
    free(in);
    return error;
}
