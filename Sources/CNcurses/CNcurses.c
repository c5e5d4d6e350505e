#define _GNU_SOURCE
#include "CNcurses.h"

#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t remembered = 0;
static int remembered_fd = -1;
static struct termios remembered_settings;
static char remembered_bytes[512];
static int remembered_count = 0;

int cn_is_utf8(void) {
    const char *codeset = nl_langinfo(CODESET);
    return codeset && strncmp(codeset, "UTF", 3) == 0;
}

int cn_window_size(int fd, int *rows, int *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}

void cn_remember_terminal(int fd, const char *bytes, int count) {
    if (tcgetattr(fd, &remembered_settings) != 0) return;
    if (count > (int)sizeof remembered_bytes) count = (int)sizeof remembered_bytes;
    memcpy(remembered_bytes, bytes, (size_t)count);
    remembered_count = count;
    remembered_fd = fd;
    remembered = 1;
}

void cn_restore_terminal(void) {
    if (!remembered) return;
    remembered = 0;
    ssize_t ignored = write(remembered_fd, remembered_bytes, (size_t)remembered_count);
    (void)ignored;
    tcsetattr(remembered_fd, TCSANOW, &remembered_settings);
}

void cn_forget_terminal(void) { remembered = 0; }

static const int crash_signals[] = { SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGQUIT };
enum { crash_signal_count = sizeof crash_signals / sizeof crash_signals[0] };
static struct sigaction previous_actions[crash_signal_count];

static void on_crash(int number, siginfo_t *info, void *context) {
    (void)context;
    cn_restore_terminal();
    for (int i = 0; i < crash_signal_count; i++) {
        if (crash_signals[i] != number) continue;
        // The previous handler (Swift's backtracer, or the default) handles the signal next.
        sigaction(number, &previous_actions[i], 0);
    }
    // What the processor raised comes again by itself; what a process sent does not.
    if (number == SIGABRT || info->si_code <= 0) raise(number);
}

void cn_restore_on_crash(void) {
    // Installed once: if the previous handler were this one, a crash would loop forever.
    static int is_set = 0;
    if (is_set) return;
    is_set = 1;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_ONSTACK | SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < crash_signal_count; i++) sigaction(crash_signals[i], &action, &previous_actions[i]);
}

void cn_free_control_s(int fd) {
    struct termios settings;
    if (tcgetattr(fd, &settings) != 0) return;
    settings.c_iflag &= ~(tcflag_t)IXON;
    tcsetattr(fd, TCSANOW, &settings);
}

int cn_memory_file(void) { return memfd_create("frame", MFD_CLOEXEC); }

void cn_point(int fd, int target) { dup3(target, fd, O_CLOEXEC); }

extern char **environ;

// Who is not in the front group and sets it, or sets the terminal's modes, gets this signal, which would stop the process.
static void set_front(int terminal, pid_t group) {
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    tcsetpgrp(terminal, group);
    pthread_sigmask(SIG_SETMASK, &before, 0);
}

int cn_start_in_front(int terminal, const char *program, char *const argv[]) {
    // A crash while the program runs must be able to set the modes.
    signal(SIGTTOU, SIG_IGN);
    pid_t process = fork();
    if (process != 0) {
        // Both set it, so that it is set before either goes on.
        if (process > 0) setpgid(process, process);
        return process;
    }
    setpgid(0, 0);
    set_front(terminal, getpid());
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    for (int fd = 0; fd < 3; fd++) dup2(terminal, fd);
    execve(program, argv, environ);
    _exit(127);
}

int cn_wait_in_front(int terminal, int process) {
    int status = 0;
    for (;;) {
        if (waitpid(process, &status, WUNTRACED) < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        if (!WIFSTOPPED(status)) return status;
        set_front(terminal, process);
        kill(-process, SIGCONT);
    }
}

void cn_take_front(int terminal) {
    set_front(terminal, getpgrp());
    signal(SIGTTOU, SIG_DFL);
}
