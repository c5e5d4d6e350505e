// Reads and writes the gzip format.
#include "CSystem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 256 << 10 };

struct cs_gunzip {
    z_stream stream;
    int fd, at_end, is_damaged;
    unsigned char in[CHUNK];
};

static ssize_t read_all(int fd, void *bytes, size_t size) {
    ssize_t count;
    do count = read(fd, bytes, size);
    while (count < 0 && errno == EINTR);
    return count;
}

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

ssize_t cs_gunzip_read(cs_gunzip *file, void *bytes, size_t size) {
    z_stream *stream = &file->stream;
    stream->next_out = bytes;
    stream->avail_out = (unsigned)size;
    while (stream->avail_out && !file->at_end && !file->is_damaged) {
        if (!stream->avail_in) {
            ssize_t count = read_all(file->fd, file->in, sizeof file->in);
            // The file ends within the stream.
            if (count <= 0) {
                file->is_damaged = 1;
                break;
            }
            stream->next_in = file->in;
            stream->avail_in = (unsigned)count;
        }
        int result = inflate(stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END) file->at_end = 1;
        else if (result != Z_OK && result != Z_BUF_ERROR) file->is_damaged = 1;
    }
    size_t count = size - stream->avail_out;
    return count ? (ssize_t)count : file->is_damaged ? -1 : 0;
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

int cs_gzip(int from, int to) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    unsigned char *in = malloc(2 * CHUNK);
    if (!in) return -ENOMEM;
    unsigned char *out = in + CHUNK;
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(in);
        return -ENOMEM;
    }
    int error = 0, flush;
    do {
        ssize_t count = read_all(from, in, CHUNK);
        if (count < 0) {
            error = -errno;
            break;
        }
        flush = count == 0 ? Z_FINISH : Z_NO_FLUSH;
        stream.next_in = in;
        stream.avail_in = (unsigned)count;
        do {
            stream.next_out = out;
            stream.avail_out = CHUNK;
            deflate(&stream, flush);
            error = write_all(to, out, CHUNK - stream.avail_out);
        } while (!error && stream.avail_out == 0);
    } while (!error && flush != Z_FINISH);
    deflateEnd(&stream);
    free(in);
    return error;
}
