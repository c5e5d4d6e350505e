// ncurses for Swift: the wide-character header, and accessors for macros that Swift cannot import.
#ifndef CAUDAL_CNCURSES_H
#define CAUDAL_CNCURSES_H

#define _XOPEN_SOURCE_EXTENDED 1
#define NCURSES_WIDECHAR 1
#include <locale.h>
#include <ncurses.h>
#include <stdint.h>
#include <wchar.h>

// Attributes as plain constants: the header's own are macros with casts.
enum : attr_t {
    CN_BOLD = WA_BOLD,
    CN_DIM = WA_DIM,
    CN_REVERSE = WA_REVERSE,
    CN_UNDERLINE = WA_UNDERLINE,
    CN_ITALIC = WA_ITALIC
};

static inline WINDOW *cn_stdscr(void) { return stdscr; }
static inline int cn_colors(void) { return COLORS; }

static inline mmask_t cn_mouse_wheel_up(void) { return BUTTON4_PRESSED; }
static inline mmask_t cn_mouse_wheel_down(void) { return BUTTON5_PRESSED; }
static inline mmask_t cn_mouse_press(void) { return BUTTON1_PRESSED | BUTTON1_CLICKED; }
static inline mmask_t cn_mouse_wanted(void) {
    return BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED;
}

/// One screen cell: up to five code points ending in 0, attributes, colour pair.
static inline void cn_set_cell(cchar_t *cell, const wchar_t *text, attr_t attributes, int pair) {
    setcchar(cell, text, attributes, 0, &pair);
}

/// Whether the terminal can position its cursor, which the dashboard needs.
static inline int cn_can_address_cursor(void) {
    char *capability = tigetstr("cup");
    return capability != 0 && capability != (char *)-1;
}

/// 1 when the locale's character set is UTF-8.
int cn_is_utf8(void);

/// Asks the kernel for the terminal's size; returns 0 on success.
int cn_window_size(int fd, int *rows, int *columns);

/// Saves the terminal's state, for use by crash handlers.
///
/// Saves the settings of `fd` and the bytes to write on restoring; both are later used only in async-signal-safe calls.
void cn_remember_terminal(int fd, const char *bytes, int count);

/// Restores the saved state; async-signal-safe, and a second call has no effect.
void cn_restore_terminal(void);

/// Discards the saved state, so that later restores do nothing.
void cn_forget_terminal(void);

/// Restores the terminal on a crash (SIGSEGV, SIGABRT, SIGTRAP, SIGILL, SIGBUS, SIGFPE, SIGQUIT), then lets the crash proceed.
void cn_restore_on_crash(void);

/// Creates an unnamed file in memory; returns its descriptor or -1.
int cn_memory_file(void);

/// Makes the descriptor `fd` refer to the same file as `target`.
void cn_point(int fd, int target);

/// Clears IXON on `fd`, so that ctrl-S is an ordinary key and does not freeze the screen.
void cn_free_control_s(int fd);

/// Starts `program` as what the user of a terminal talks to: in a process group of its own, which gets the terminal's keys
/// and signals until `cn_take_front`. Returns its process id, or -1.
int cn_start_in_front(int terminal, const char *program, char *const argv[]);

/// Waits for it; when a key has stopped it, it goes on at once. Returns its wait status.
int cn_wait_in_front(int terminal, int process);

/// Gives the terminal's keys and signals back to this process.
void cn_take_front(int terminal);

#endif
