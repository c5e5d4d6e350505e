// System calls that Swift cannot import, or that must happen without Swift in between.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What a child used and how it ended, as the kernel counted it.
struct cs_exit {
    int exited;        // 1 when the child has ended
    int status;        // exit status, or the signal's number when `signaled`
    int signaled;      // 1 when a signal ended it
    int64_t user_us;   // CPU time in user mode, microseconds, its waited-for children included
    int64_t system_us; // CPU time in the kernel, microseconds
    int64_t peak_kib;  // largest resident set, KiB
};

/// Starts `path` in a process group of its own, with default signals and no descriptors but 0, 1 and 2.
///
/// `stdin_fd` of -1 means /dev/null; `stdout_fd` and `stderr_fd` of -1 mean the caller's own. `cwd` may be NULL.
/// `controlling_terminal` of 1 leaves the child in the caller's process group.
/// Returns the process id, or a negated errno.
pid_t cs_spawn(const char *path, char *const argv[], char *const envp[], const char *cwd,
               int stdin_fd, int stdout_fd, int stderr_fd, int controlling_terminal);

/// What a child writes of itself before it begins its program.
struct cs_note {
    int fd;           // where to: a file opened for appending
    const char *text; // what stands behind its number and the time of its start, without a line end; at most 4000 bytes
};

/// The same, with a line `pid start text` that is written by the child itself: its program never runs without it, whatever
/// becomes of the caller. `start` is in ticks since the boot, 0 when unknown. `note` may be NULL.
pid_t cs_spawn_noted(const char *path, char *const argv[], char *const envp[], const char *cwd,
                     int stdin_fd, int stdout_fd, int stderr_fd, int controlling_terminal,
                     const struct cs_note *note);

/// A descriptor that becomes readable when `pid` ends, close-on-exec; or a negated errno.
int cs_pidfd_open(pid_t pid);

/// A pipe with both ends close-on-exec and the reading end non-blocking; 0 or a negated errno.
int cs_pipe(int ends[2]);

/* The largest resident set that this process has had since it runs its program, in KiB; LONG_MAX when nobody tells. */
long cs_own_peak_kib(void);

/// The most that a pipe holds, in bytes; or a negated errno.
int cs_pipe_capacity(int fd);

/// Looks whether `pid` has ended without taking its status away.
int cs_peek(pid_t pid);

/// Takes the status of an ended child away and tells what it used; returns 0 or a negated errno.
int cs_reap(pid_t pid, struct cs_exit *out);

/// Makes this process the parent of descendants whose own parents die; 0 or a negated errno.
int cs_become_subreaper(void);

/// A Linux event poll with room for one event at a time; returns its descriptor or a negated errno.
int cs_poll_create(void);
int cs_poll_add(int poll, int fd, uint64_t token);
int cs_poll_remove(int poll, int fd);
/// Waits for events; `timeout_ms` of -1 waits for ever. Fills `tokens`; returns how many, or a negated errno.
int cs_poll_wait(int poll, uint64_t *tokens, int capacity, int timeout_ms);

/// A counter descriptor that wakes a poll; write with cs_wake, empty with cs_wake_clear.
int cs_wake_create(void);
void cs_wake(int fd);
void cs_wake_clear(int fd);

/// Makes `to` a copy of `from` that shares its blocks until one of them is written to; 0, or a negated errno where the
/// file system cannot do that or `to` is there.
int cs_clone_file(const char *from, const char *to);
/// Starts a detached thread; 0 or a negated errno.
int cs_thread_start(const char *name, size_t stack, void *(*body)(void *), void *argument);

/// Whether so many threads may be started besides those that are there; 0 or a negated errno.
///
/// They are started, and have ended when this returns.
int cs_threads_probe(int count);

/// Raises the limit on open files as far as this process may, for itself and not for the programs that it starts.
void cs_files_raise(void);

/// Whether so many files may be open besides those that are; 0 or a negated errno.
int cs_files_probe(int count);

/// Whether so much address space is left; 0 or a negated errno.
int cs_memory_probe(size_t bytes);

/// A descriptor from which the number of each signal that is heard can be read, a byte each; or a negated errno.
int cs_signals_open(void);
/// Has a signal written to that descriptor, instead of doing what it would; 0 or a negated errno.
int cs_signals_hear(int number);
/// 1 when a signal is ignored.
int cs_signals_are_ignored(int number);
/// Lets a signal do what it did before it was heard.
void cs_signals_forget(int number);

/// Renames `from` over `to` by exchanging the two; 0 or a negated errno (-ENOSYS where it is not supported).
int cs_rename_exchange(const char *from, const char *to);

/// 1 when `path` lies on a file system whose files the kernel makes up, so that nobody else can make one there whatever
/// its rights say; 0 otherwise, also when that cannot be told.
int cs_is_kernels_own(const char *path);

/// Opens or creates `path` and takes an exclusive lock without waiting.
///
/// Returns the descriptor, -EAGAIN when another process holds the lock, or another negated errno.
int cs_lock_file(const char *path);

/// Gives a lock back and closes its descriptor, whoever else has inherited it.
void cs_unlock_file(int fd);

/// 1 when another process holds the lock on `path`, 0 when nobody does, or a negated errno.
int cs_is_locked(const char *path);

/// A socket in `folder` that listens for processes of this user alone, non-blocking and close-on-exec.
///
/// The folder's path may be longer than a socket's address: the folder is opened and named by its descriptor.
/// Returns the descriptor, or a negated errno.
int cs_socket_listen(const char *folder, const char *name);

/// A connection to a socket in `folder`; every step on it gives up after `patience_ms`.
///
/// Returns the descriptor, -ECONNREFUSED or -ENOENT when nobody listens, or another negated errno.
int cs_socket_connect(const char *folder, const char *name, int patience_ms);

/// The next connection, non-blocking and close-on-exec; -EPERM for one of another user, or another negated errno.
int cs_socket_accept(int listener);

/// Which ends of lines stand in some bytes: a line feed alone, a carriage return alone, both together.
typedef struct {
    int has_feed, has_return, has_pair;
    /// Whether the last byte was a carriage return: the next bytes say which end it is.
    int after_return;
} cs_line_ends;

/// Looks for ends of lines in `size` bytes on top of what was seen before.
void cs_find_line_ends(const void *bytes, size_t size, cs_line_ends *seen);

/// What is unusual in the bytes of a CSV file; set the first three, the rest begins as 0.
typedef struct {
    /// What stands between values; what stands around and, before a quotation mark, within one.
    unsigned char delimiter, quote, escape;
    /// Whether a quotation mark stands where readers differ: neither around a whole value nor, escaped, within one.
    int has_odd_quote;
    /// Whether a record is not one line: a line ends within quotation marks, or is blank and another follows.
    int has_other_lines;
    /// Whether what was seen so far ends within quotation marks.
    int is_open;
    int has_begun, is_escaped, is_closed, at_line, at_value, after_return, has_blank;
} cs_oddities;

/// Looks for what is unusual in `size` bytes on top of what was seen before, until something is.
void cs_find_oddities(const void *bytes, size_t size, cs_oddities *seen);

/// Nanoseconds since boot, suspended time included.
int64_t cs_steady_ns(void);

/// CPU time this process has used, in microseconds, user and system together.
int64_t cs_own_cpu_us(void);

#endif
