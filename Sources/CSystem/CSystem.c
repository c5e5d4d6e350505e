#define _GNU_SOURCE
#include "CSystem.h"

#include <limits.h>
#include <malloc.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

// What a child does between vfork and exec. It shares the caller's memory and may only make system calls.
struct child_order {
    const char *path;
    char *const *argv;
    char *const *envp;
    const char *cwd;
    int fds[3];
    int own_session;
    const struct cs_note *note;
};

static char *append_number(char *end, uint64_t number) {
    char digits[20];
    int count = 0;
    do { digits[count++] = (char)('0' + number % 10); } while (number /= 10);
    while (count) *end++ = digits[--count];
    return end;
}

// The start time of this process, in ticks since boot; 0 when unknown.
static uint64_t own_start(void) {
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) return 0;
    text[size] = 0;
    // The process name before it may contain any character, including brackets and blanks.
    char *at = text + size;
    while (at > text && *at != ')') at--;
    // The state is the third field, the start time the 22nd.
    for (int field = 2; field < 22; field++) {
        while (*at && *at != ' ') at++;
        if (*at) at++;
    }
    uint64_t ticks = 0;
    while (*at >= '0' && *at <= '9') ticks = ticks * 10 + (uint64_t)(*at++ - '0');
    return ticks;
}

static int write_note(const struct cs_note *note) {
    char line[4096];
    size_t length = strlen(note->text);
    if (length > sizeof line - 64) return ENAMETOOLONG;
    char *end = append_number(line, (uint64_t)getpid());
    *end++ = ' ';
    end = append_number(end, own_start());
    *end++ = ' ';
    memcpy(end, note->text, length);
    end += length;
    *end++ = '\n';
    ssize_t count;
    do { count = write(note->fd, line, (size_t)(end - line)); } while (count < 0 && errno == EINTR);
    if (count < 0) return errno;
    return count == end - line ? 0 : ENOSPC;
}

// The limit on open files that this process was started with, if it has raised it.
static struct rlimit files_before;

// Prepares the child and executes its program; returns an errno, and only on failure.
static int begin_program(const struct child_order *order) {
    // Without the caller's terminal, which a program could wait for unseen or paint over.
    if (order->own_session && setsid() < 0) return errno;
    struct sigaction action;
    for (int number = 1; number < NSIG; number++) {
        if (number == SIGKILL || number == SIGSTOP || sigaction(number, 0, &action) != 0) continue;
        if (action.sa_handler == SIG_DFL) continue;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_DFL;
        sigaction(number, &action, 0);
    }
    if (order->cwd && chdir(order->cwd) != 0) return errno;
    for (int number = 0; number < 3; number++) {
        int fd = order->fds[number];
        int opened = -1;
        if (number == 0 && fd < 0) fd = opened = open("/dev/null", O_RDONLY);
        if (number == 0 && fd < 0) return errno;
        if (fd < 0) continue;
        if (fd == number) {
            if (fcntl(fd, F_SETFD, 0) != 0) return errno;
        } else {
            if (dup2(fd, number) < 0) return errno;
            if (opened > 2) close(opened);
        }
    }
    if (order->note) {
        int error = write_note(order->note);
        if (error) return error;
    }
    closefrom(3);
    // Last: if the caller has more files open than this limit allows, the calls above would fail.
    if (files_before.rlim_max && setrlimit(RLIMIT_NOFILE, &files_before) != 0) return errno;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    execve(order->path, order->argv, order->envp);
    return errno;
}

pid_t cs_spawn_noted(const char *path, char *const argv[], char *const envp[], const char *cwd,
                     int stdin_fd, int stdout_fd, int stderr_fd, int controlling_terminal,
                     const struct cs_note *note) {
    struct child_order order = {
        .path = path, .argv = argv, .envp = envp, .cwd = cwd, .fds = { stdin_fd, stdout_fd, stderr_fd },
        .own_session = !controlling_terminal, .note = note,
    };
    // No signal handler of this process may run in the child, which shares its memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    volatile int error = 0;
    // As with posix_spawn, the caller waits until the child has executed its program or has ended.
    pid_t pid = vfork();
    if (pid == 0) {
        error = begin_program(&order);
        _exit(127);
    }
    int failure = pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, 0);
    if (failure) return -failure;
    if (error) {
        waitpid(pid, 0, 0);
        return -error;
    }
    return pid;
}

pid_t cs_spawn(const char *path, char *const argv[], char *const envp[], const char *cwd,
               int stdin_fd, int stdout_fd, int stderr_fd, int controlling_terminal) {
    return cs_spawn_noted(path, argv, envp, cwd, stdin_fd, stdout_fd, stderr_fd, controlling_terminal, 0);
}

int cs_pipe(int ends[2]) {
#ifdef __linux__
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
#else
    if (pipe(ends) != 0) return -errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int cs_peek(pid_t pid) {
    siginfo_t information;
    memset(&information, 0, sizeof information);
    if (waitid(P_PID, (id_t)pid, &information, WEXITED | WNOWAIT | WNOHANG) != 0) return -errno;
    return information.si_pid != 0;
}

int cs_reap(pid_t pid, struct cs_exit *out) {
    int status = 0;
    struct rusage usage;
    memset(out, 0, sizeof *out);
    pid_t got;
    do { got = wait4(pid, &status, WNOHANG, &usage); } while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    if (got == 0) return 0;
    out->exited = 1;
    out->signaled = WIFSIGNALED(status) ? 1 : 0;
    out->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    out->user_us = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec;
    out->system_us = (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    out->peak_kib = usage.ru_maxrss;
    return 0;
}

// Open-file-description locks: the kernel releases them when the process ends, and another process can query them
// without taking them, so a query never makes an owner fail.
int cs_lock_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return -errno;
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        int error = errno == EACCES ? EAGAIN : errno;
        close(fd);
        return -error;
    }
    return fd;
}

void cs_unlock_file(int fd) {
    struct flock whole = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
    fcntl(fd, F_OFD_SETLK, &whole);
    close(fd);
}

int cs_is_locked(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
    int result = fcntl(fd, F_OFD_GETLK, &whole) != 0 ? -errno : whole.l_type != F_UNLCK;
    close(fd);
    return result;
}

int cs_thread_start(const char *name, size_t stack, void *(*body)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    // This fails harmlessly for a thread that has already ended.
    if (!error) pthread_setname_np(thread, name);
    return -error;
}

int cs_timer_create(void) {
#ifdef __linux__
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
#else
    return -ENOSYS;
#endif
}

int cs_timer_set(int timer, int64_t wall_ms) {
#ifdef __linux__
    // Setting it forgets that it has fired or that the clock was set, so that it need not be read.
    struct itimerspec when = { .it_value = { .tv_sec = wall_ms / 1000, .tv_nsec = wall_ms % 1000 * 1000000 } };
    // A time of zero would stop it.
    if (wall_ms <= 0) when.it_value.tv_nsec = 1;
    if (wall_ms <= 0) when.it_value.tv_sec = 0;
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, 0) != 0) return -errno;
    return 0;
#else
    return -ENOSYS;
#endif
}

static void *wait_for_lock(void *lock) {
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return 0;
}

void cs_files_raise(void) {
    // A higher limit would only enlarge tables that programs allocate for the maximum number of files.
    enum { enough = 1 << 16 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max || limit.rlim_cur >= enough) return;
    struct rlimit before = limit;
    limit.rlim_cur = limit.rlim_max < enough ? limit.rlim_max : enough;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) files_before = before;
}

int cs_files_probe(int count) {
    enum { most = 256 };
    int files[most], opened = 0, error = 0;
    while (!error && opened < count && opened < most) {
        files[opened] = eventfd(0, EFD_CLOEXEC);
        if (files[opened] < 0) error = errno; else opened++;
    }
    while (opened > 0) close(files[--opened]);
    return -error;
}

static int64_t limit_of(int resource) {
    struct rlimit limit;
    return getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)limit.rlim_cur;
}

int64_t cs_file_size_limit(void) { return limit_of(RLIMIT_FSIZE); }

int64_t cs_address_space_limit(void) { return limit_of(RLIMIT_AS); }

// Before anything of Swift runs, which would be ended by the kernel without a word.
__attribute__((constructor)) static void ensure_stack(void) {
    enum { needed = 512 << 10 };
    static const char words[] =
        "error: this machine gives caudal too little stack: 512 KiB are needed\n"
        "  raise the limit with 'ulimit -s 8192'\n";
    int64_t limit = limit_of(RLIMIT_STACK);
    if (limit < 0 || limit >= needed) return;
    if (write(STDERR_FILENO, words, sizeof words - 1) < 0) _exit(1);
    _exit(1);
}

int cs_memory_probe(size_t bytes) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
    // Otherwise malloc would reserve 64 MiB for each thread and leave the others nothing.
    mallopt(M_ARENA_MAX, 2);
    void *place = mmap(0, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) return -errno;
    munmap(place, bytes);
    return 0;
}

int cs_threads_probe(int count) {
    enum { most = 64 };
    pthread_t threads[most];
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    int error = 0, started = 0;
    pthread_mutex_lock(&lock);
    while (!error && started < count && started < most) {
        error = pthread_create(&threads[started], &attributes, wait_for_lock, &lock);
        if (!error) started++;
    }
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < started; i++) pthread_join(threads[i], 0);
    pthread_attr_destroy(&attributes);
    return -error;
}

enum { heard_limit = 65 };
static int heard_pipe[2] = { -1, -1 };
static struct sigaction before_heard[heard_limit];

static void on_heard(int number) {
    int error = errno;
    unsigned char byte = (unsigned char)number;
    // If the pipe is full, enough unread signals are in it.
    ssize_t ignored = write(heard_pipe[1], &byte, 1);
    (void)ignored;
    errno = error;
}

int cs_signals_open(void) {
    if (heard_pipe[0] < 0) {
        int result = cs_pipe(heard_pipe);
        if (result != 0) return result;
        // The signal thread blocks on reading; a handler never blocks on writing.
        fcntl(heard_pipe[0], F_SETFL, 0);
        fcntl(heard_pipe[1], F_SETFL, O_NONBLOCK);
    }
    return heard_pipe[0];
}

int cs_signals_hear(int number) {
    if (number < 1 || number >= heard_limit) return -EINVAL;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_heard;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    struct sigaction before;
    if (sigaction(number, &action, &before) != 0) return -errno;
    if (before.sa_handler != on_heard) before_heard[number] = before;
    return 0;
}

int cs_signals_are_ignored(int number) {
    struct sigaction action;
    return sigaction(number, 0, &action) == 0 && action.sa_handler == SIG_IGN;
}

void cs_signals_forget(int number) {
    if (number > 0 && number < heard_limit) sigaction(number, &before_heard[number], 0);
}

#ifdef __linux__

int cs_pidfd_open(pid_t pid) {
    long fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
}

long cs_own_peak_kib(void) {
    // Not ru_maxrss: that begins with the peak of this process's parent.
    FILE *status = fopen("/proc/self/status", "re");
    if (!status) return LONG_MAX;
    char line[256];
    long peak = LONG_MAX;
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &peak) == 1) break;
    fclose(status);
    return peak;
}

int cs_pipe_capacity(int fd) {
    int size = fcntl(fd, F_GETPIPE_SZ);
    return size < 0 ? -errno : size;
}

void cs_keep_ended_children(void) { signal(SIGCHLD, SIG_DFL); }

int cs_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : -errno; }

int cs_poll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cs_poll_add(int poll, int fd, uint64_t token) {
    struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = token } };
    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int cs_poll_remove(int poll, int fd) { return epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL) == 0 ? 0 : -errno; }

int cs_poll_wait(int poll, uint64_t *tokens, int capacity, int timeout_ms) {
    struct epoll_event events[64];
    int count = epoll_wait(poll, events, capacity < 64 ? capacity : 64, timeout_ms);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}

int cs_wake_create(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void cs_wake(int fd) {
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

void cs_wake_clear(int fd) {
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
}

int cs_clone_file(const char *from, const char *to) {
    int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0) return -errno;
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = target < 0 || ioctl(target, FICLONE, source) < 0 ? -errno : 0;
    close(source);
    if (target >= 0) {
        close(target);
        if (result < 0) unlink(to);
    }
    return result;
}

int cs_rename_exchange(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0 ? 0 : -errno;
}

int cs_is_kernels_own(const char *path) {
    struct statfs found;
    if (statfs(path, &found) != 0) return 0;
    switch ((unsigned long)found.f_type & 0xffffffffUL) {
    case PROC_SUPER_MAGIC: case SYSFS_MAGIC: case DEVPTS_SUPER_MAGIC: case CGROUP_SUPER_MAGIC: case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC: case TRACEFS_MAGIC: case SECURITYFS_MAGIC: case BPF_FS_MAGIC: case PSTOREFS_MAGIC:
    case BINFMTFS_MAGIC: case SELINUX_MAGIC: case NSFS_MAGIC:
        return 1;
    default: return 0;
    }
}

// Fills in the address of a socket in a folder; returns the folder's descriptor, which the address refers to.
static int socket_address(const char *folder, const char *name, struct sockaddr_un *address) {
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", fd, name);
    if (length >= (int)sizeof address->sun_path) {
        close(fd);
        return -ENAMETOOLONG;
    }
    return fd;
}

int cs_socket_listen(const char *folder, const char *name) {
    struct sockaddr_un address;
    int directory = socket_address(folder, name, &address);
    if (directory < 0) return directory;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = fd < 0 ? errno : 0;
    // The permissions of an unbound socket become those of its file, which thus never has any others.
    if (!error && fchmod(fd, 0600) != 0) error = errno;
    if (!error && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) error = errno;
    if (!error && listen(fd, 128) != 0) error = errno;
    close(directory);
    if (!error) return fd;
    if (fd >= 0) close(fd);
    return -error;
}

int cs_socket_connect(const char *folder, const char *name, int patience_ms) {
    struct sockaddr_un address;
    int directory = socket_address(folder, name, &address);
    if (directory < 0) return directory;
    struct timeval patience = { .tv_sec = patience_ms / 1000, .tv_usec = patience_ms % 1000 * 1000 };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    // The send timeout also applies to connect.
    if (!error && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) error = errno;
    if (!error && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) error = errno;
    if (!error && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) error = errno;
    close(directory);
    if (!error) return fd;
    if (fd >= 0) close(fd);
    return -error;
}

int cs_socket_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return -errno;
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0)) {
        return fd;
    }
    close(fd);
    return -EPERM;
}

void cs_find_line_ends(const void *bytes, size_t size, cs_line_ends *seen) {
    const unsigned char *text = bytes, *end = text + size;
    if (size == 0) return;
    if (seen->after_return) {
        if (text[0] == '\n') seen->has_pair = 1; else seen->has_return = 1;
    }
    // Nearly all files have one kind of line end: memchr scans them at memory speed.
    for (const unsigned char *at = text; at < end && !(seen->has_return && seen->has_pair); at++) {
        at = memchr(at, '\r', (size_t)(end - at));
        if (!at) break;
        if (at + 1 < end) {
            if (at[1] == '\n') seen->has_pair = 1; else seen->has_return = 1;
        }
    }
    for (const unsigned char *at = text; at < end && !seen->has_feed; at++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at) break;
        if (at == text ? !seen->after_return : at[-1] != '\r') seen->has_feed = 1;
    }
    seen->after_return = end[-1] == '\r';
}

/// Classifies a quotation mark outside of quoted values: 1 opens a value, 0 is text to every reader, -1 only to some.
static int kind_of_mark(const unsigned char *text, const unsigned char *mark, const cs_oddities *seen) {
    if (seen->at_value) return 1;
    // Readers disagree about a mark after a blank at the beginning of a value, but not about one after a letter.
    const unsigned char *value = mark;
    while (value > text && value[-1] != seen->delimiter && value[-1] != '\n' && value[-1] != '\r') value--;
    return value > text && *value > ' ' && *value != seen->quote ? 0 : -1;
}

/// The last line feed up to which no line is blank, or `at`, where no line begins, if there is none.
static const unsigned char *past_full_lines(const unsigned char *at, const unsigned char *end) {
    enum { block = 4096 };
    const unsigned char *clean = at;
    while (end - clean > block) {
        // Without a branch, compilers look at many bytes at once.
        unsigned char found = 0;
        for (int i = 0; i < block; i++)
            found |= (clean[i] == '\n') & ((clean[i + 1] == '\n') | (clean[i + 1] == '\r'));
        if (found) break;
        clean += block;
    }
    const unsigned char *feed = memrchr(at, '\n', (size_t)(clean - at));
    return feed ? feed : at;
}

void cs_find_oddities(const void *bytes, size_t size, cs_oddities *seen) {
    const unsigned char *text = bytes, *at = text, *end = text + size, *mark = text;
    if (!seen->has_begun && size > 0) {
        seen->has_begun = seen->at_line = seen->at_value = 1;
        if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) mark = at += 3;
    }
    int mark_is_known = 0;
    while (at < end && !(seen->has_odd_quote || seen->has_other_lines)) {
        if (seen->is_escaped) {
            seen->is_escaped = 0;
            if (*at == '\n' || *at == '\r') seen->has_other_lines = 1;
            at++;
            continue;
        }
        if (seen->is_closed) {
            seen->is_closed = 0;
            if (*at == seen->quote && seen->escape == seen->quote) {
                seen->is_open = 1;
                at++;
                continue;
            }
            if (*at != seen->delimiter && *at != '\n' && *at != '\r') seen->has_odd_quote = 1;
            seen->at_value = 0;
        }
        if (seen->is_open) {
            if (*at == seen->quote) { seen->is_open = 0; seen->is_closed = 1; }
            else if (*at == seen->escape) seen->is_escaped = 1;
            else if (*at == '\n' || *at == '\r') seen->has_other_lines = 1;
            at++;
            continue;
        }
        if (*at == '\n' || *at == '\r') {
            if (seen->at_line && !(*at == '\n' && seen->after_return)) seen->has_blank = 1;
            seen->after_return = *at++ == '\r';
            seen->at_line = seen->at_value = 1;
            continue;
        }
        // Blank lines at the end of a file are harmless.
        if (seen->has_blank) seen->has_other_lines = 1;
        seen->at_line = seen->after_return = 0;
        if (!mark_is_known || mark < at) {
            mark = memchr(at, seen->quote, (size_t)(end - at));
            if (!mark) mark = end;
            mark_is_known = 1;
        }
        if (at == mark) {
            int kind = kind_of_mark(text, mark, seen);
            if (kind < 0) seen->has_odd_quote = 1;
            seen->is_open = kind > 0;
            seen->at_value = 0;
            at++;
            continue;
        }
        at = past_full_lines(at, mark);
        const unsigned char *next = memchr(at, '\n', (size_t)(mark - at));
        at = next ? next : mark;
        seen->at_value = at[-1] == seen->delimiter;
        // Files in which a carriage return alone ends a line are copied anyway.
    }
}

int64_t cs_steady_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#else
#error "Caudal runs on Linux: processes are watched through pidfd and epoll"
#endif
