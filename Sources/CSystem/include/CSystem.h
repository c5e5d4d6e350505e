// System calls that Swift cannot import, or that must happen without Swift in between.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// How a child ended and what it used, as counted by the kernel.
struct cs_exit {
    int exited;        // 1 when the child has ended
    int status;        // exit status, or the signal's number when `signaled`
    int signaled;      // 1 when a signal ended it
    int64_t user_us;   // CPU time in user mode, microseconds, including children that it waited for
    int64_t system_us; // CPU time in the kernel, microseconds
    int64_t peak_kib;  // largest resident set, KiB
};

/// Starts `path` in a process group of its own, with default signal handling and only descriptors 0, 1 and 2.
///
/// `stdin_fd` of -1 means /dev/null; `stdout_fd` and `stderr_fd` of -1 mean the caller's own. `cwd` may be NULL.
/// `controlling_terminal` of 1 leaves the child in the caller's process group.
/// Returns the process id, or a negated errno.
pid_t cs_spawn(const char *path, char *const argv[], char *const envp[], const char *cwd,
               int stdin_fd, int stdout_fd, int stderr_fd, int controlling_terminal);

/// The entry that a child writes about itself before it executes its program.
struct cs_note {
    int fd;           // a file opened for appending
    const char *text; // the text after the process id and start time, without a line end; at most 4000 bytes
};

/// The same, and the child itself writes a line `pid start text`: its program never runs without this entry, even if the
/// caller dies. `start` is in ticks since boot, 0 when unknown. `note` may be NULL.
pid_t cs_spawn_noted(const char *path, char *const argv[], char *const envp[], const char *cwd,
                     int stdin_fd, int stdout_fd, int stderr_fd, int controlling_terminal,
                     const struct cs_note *note);

/// A descriptor that becomes readable when `pid` ends, close-on-exec; or a negated errno.
int cs_pidfd_open(pid_t pid);

/// A pipe with both ends close-on-exec and the reading end non-blocking; 0 or a negated errno.
int cs_pipe(int ends[2]);

/// The peak resident set of this process since it executed its program, in KiB; LONG_MAX when unknown.
long cs_own_peak_kib(void);

/// The capacity of a pipe in bytes; or a negated errno.
int cs_pipe_capacity(int fd);

/// Whether `pid` has ended, without reaping it.
int cs_peek(pid_t pid);

/// Reaps an ended child and reports how it ended and what it used; returns 0 or a negated errno.
///
/// `exited` stays 0 where that is not known: the child has not ended, or something else has reaped it.
int cs_reap(pid_t pid, struct cs_exit *out);

/// Makes the kernel keep ended children until they are reaped; a process whose parent ignores SIGCHLD is started without
/// that, and never learns how its children ended.
void cs_keep_ended_children(void);

/// Makes this process the parent of descendants whose own parents die; 0 or a negated errno.
int cs_become_subreaper(void);

/// Creates an epoll instance; returns its descriptor or a negated errno.
int cs_poll_create(void);
int cs_poll_add(int poll, int fd, uint64_t token);
int cs_poll_remove(int poll, int fd);
/// Waits for events; a `timeout_ms` of -1 waits forever. Fills `tokens`; returns their number, or a negated errno.
int cs_poll_wait(int poll, uint64_t *tokens, int capacity, int timeout_ms);

/// Creates an event descriptor that wakes a poll; cs_wake signals it, cs_wake_clear resets it.
int cs_wake_create(void);
void cs_wake(int fd);
void cs_wake_clear(int fd);

/// Makes `to` a copy-on-write clone of `from`; 0, or a negated errno when the file system cannot do that or `to` exists.
int cs_clone_file(const char *from, const char *to);
/// Starts a detached thread; 0 or a negated errno.
int cs_thread_start(const char *name, size_t stack, void *(*body)(void *), void *argument);

/// Whether this many more threads can be started; 0 or a negated errno.
///
/// It starts them, and they have ended when it returns.
int cs_threads_probe(int count);

/// Raises the limit on open files to the maximum, for this process and not for the programs that it starts.
void cs_files_raise(void);

/// Whether this many more files can be opened; 0 or a negated errno.
int cs_files_probe(int count);

/// The largest size of a file that this process may write, in bytes; -1 for no limit.
int64_t cs_file_size_limit(void);

/// The most address space that this process may have, in bytes; -1 for no limit.
int64_t cs_address_space_limit(void);

/// Whether this much address space is left; 0 or a negated errno.
int cs_memory_probe(size_t bytes);

/// A timer of the wall clock, to be polled; its descriptor, or a negated errno.
int cs_timer_create(void);
/// Sets the timer to a point in time, in milliseconds since 1970; it also fires when the clock is set. 0 or a negated errno.
int cs_timer_set(int timer, int64_t wall_ms);

/// A descriptor from which the number of each caught signal can be read, as a byte; or a negated errno.
int cs_signals_open(void);
/// Catches a signal: its number is written to that descriptor, instead of its usual effect; 0 or a negated errno.
int cs_signals_hear(int number);
/// 1 when a signal is ignored.
int cs_signals_are_ignored(int number);
/// Restores the effect that a signal had before it was caught.
void cs_signals_forget(int number);

/// Renames `from` over `to` by exchanging the two; 0 or a negated errno (-ENOSYS where it is not supported).
int cs_rename_exchange(const char *from, const char *to);

/// 1 when `path` is on a file system whose files only the kernel creates, whatever its permissions say; 0 otherwise, or
/// when that is unknown.
int cs_is_kernels_own(const char *path);

/// Opens or creates `path` and takes an exclusive lock without waiting.
///
/// Returns the descriptor, -EAGAIN when another process holds the lock, or another negated errno.
int cs_lock_file(const char *path);

/// Releases a lock and closes its descriptor, even if a child has inherited the descriptor.
void cs_unlock_file(int fd);

/// 1 when another process holds the lock on `path`, 0 when no process does, or a negated errno.
int cs_is_locked(const char *path);

/// A socket in `folder` that only processes of this user can connect to, non-blocking and close-on-exec.
///
/// The folder's path may be longer than a socket's address: the folder is opened and named by its descriptor.
/// Returns the descriptor, or a negated errno.
int cs_socket_listen(const char *folder, const char *name);

/// A connection to a socket in `folder`; each operation on it times out after `patience_ms`.
///
/// Returns the descriptor, -ECONNREFUSED or -ENOENT when no process listens, or another negated errno.
int cs_socket_connect(const char *folder, const char *name, int patience_ms);

/// The next connection, non-blocking and close-on-exec; -EPERM for one of another user, or another negated errno.
int cs_socket_accept(int listener);

/// The kinds of line ends in some bytes: a line feed alone, a carriage return alone, both together.
typedef struct {
    int has_feed, has_return, has_pair;
    /// Whether the last byte was a carriage return: the next byte decides which kind of line end it is.
    int after_return;
} cs_line_ends;

/// Looks for line ends in `size` more bytes.
void cs_find_line_ends(const void *bytes, size_t size, cs_line_ends *seen);

/// Unusual features in the bytes of a CSV file; the caller sets the first three fields, the rest begins as 0.
typedef struct {
    /// The character between values, the one around a value, and the one before a quotation mark within a value.
    unsigned char delimiter, quote, escape;
    /// Whether readers disagree about a quotation mark: it neither encloses a whole value nor is escaped within one.
    int has_odd_quote;
    /// Whether a record is not one line: a line end is within quotation marks, or a blank line precedes another line.
    int has_other_lines;
    /// Whether the bytes so far end within quotation marks.
    int is_open;
    int has_begun, is_escaped, is_closed, at_line, at_value, after_return, has_blank;
} cs_oddities;

/// Looks for unusual features in `size` more bytes, until one is found.
void cs_find_oddities(const void *bytes, size_t size, cs_oddities *seen);

/// How turning text into UTF-8 ended.
typedef enum {
    /// All bytes were taken.
    CS_RECODED,
    /// There is no room for more text.
    CS_RECODE_FULL,
    /// The bytes end within a character.
    CS_RECODE_PARTIAL,
    /// The next byte is none of the encoding.
    CS_RECODE_INVALID
} cs_recode_end;

/// What turns text of an encoding into UTF-8; null where the C library does not know the encoding.
void *cs_recoder_open(const char *encoding);
void cs_recoder_close(void *recoder);

/// Turns bytes into UTF-8: `taken` of `size` bytes become `written` bytes, for which there is `room`.
cs_recode_end cs_recode(
    void *recoder, const uint8_t *bytes, size_t size, size_t *taken, uint8_t *text, size_t room, size_t *written);

/// Bytes to look for. `size` is at least 1; `folds` of 1 takes ASCII capitals and small letters for the same.
typedef struct {
    const uint8_t *bytes;
    size_t size;
    int folds;
    size_t rarest[3]; // set by cs_needle_prepare: the places of its rarest bytes
} cs_needle;

/// Chooses what is looked for first; once for each needle.
void cs_needle_prepare(cs_needle *needle);

/// The first place of the needle at `from` or behind; `size` when there is none.
size_t cs_find(const void *text, size_t size, size_t from, const cs_needle *needle);

/// The first place of a short part; -1 when there is none.
ptrdiff_t cs_place(const void *text, size_t size, const void *part, size_t part_size);

/// The number of line feeds.
size_t cs_count_lines(const void *text, size_t size);

/// The place behind the last line feed before `place`; 0 when there is none.
size_t cs_line_start(const void *text, size_t place);

/// A regular expression, in the syntax of PCRE2; several threads may use it at once.
typedef struct cs_regex cs_regex;

/// Compiles one from UTF-8. `folds` of 1 takes capitals and small letters for the same.
///
/// Returns NULL when it is none; then `message` says why, which is empty when there is no memory, and `place` where.
cs_regex *cs_regex_compile(
    const void *pattern, size_t size, int folds, char *message, size_t message_size, size_t *place);
void cs_regex_free(cs_regex *regex);

enum {
    cs_regex_nothing = 0,
    cs_regex_found = 1,
    cs_regex_gave_up = -1, // there are too many ways to match, or no memory
    cs_regex_no_utf8 = -2, // the text is not UTF-8
};

/// Whether a part of the text matches: one of the values above.
int cs_regex_matches(const cs_regex *regex, const void *text, size_t size);

/// The same for the text from a byte on; `range` gets where the part that matches begins and ends.
int cs_regex_find(const cs_regex *regex, const void *text, size_t size, size_t from, size_t range[2]);

/// The number of groups in parentheses.
int cs_regex_group_count(const cs_regex *regex);

enum { cs_regex_most_groups = 2 };

/// The same for the first groups of the first part that matches: `ranges` gets where they begin and end, 0 and 0 for those
/// that took no part.
int cs_regex_groups(const cs_regex *regex, const void *text, size_t size, size_t ranges[2 * cs_regex_most_groups]);

/// A compressed file that is being read.
typedef struct cs_gunzip cs_gunzip;

/// Reads the gzip format from a descriptor, which stays open; NULL when there is no memory.
cs_gunzip *cs_gunzip_open(int fd);
/// The next bytes, at least a megabyte at once; 0 at the end, and -1 where some are damaged or missing, behind which reading goes on.
ssize_t cs_gunzip_read(cs_gunzip *file, void *bytes, size_t size);
void cs_gunzip_close(cs_gunzip *file);

/// Writes what is read from one descriptor to another in the gzip format; 0 or a negated errno.
int cs_gzip(int from, int to);

/// Nanoseconds since boot, including time in suspension.
int64_t cs_steady_ns(void);

/// A file inside of a zip file that is being read.
typedef struct cs_unzip cs_unzip;

/// Reads what is packed from a place of a descriptor on, which stays open; NULL when there is no memory.
///
/// `checksum`: its CRC-32; `is_packed`: whether it is deflated, and not stored as it is.
cs_unzip *cs_unzip_open(int fd, int64_t from, uint64_t packed, uint64_t size, uint32_t checksum, int is_packed);
/// The next bytes; 0 at the end, and -1 where it is damaged, or not what its checksum says.
ssize_t cs_unzip_read(cs_unzip *member, void *bytes, size_t size);
void cs_unzip_close(cs_unzip *member);

#endif
