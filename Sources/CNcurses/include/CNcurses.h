// ncurses as Swift can use it: the wide-character header and accessors for what the importer leaves out.
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
static inline int cn_key_f(int n) { return KEY_F(n); }

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

/// Whether the terminal can move its cursor: a terminal that cannot is no place for a dashboard.
static inline int cn_can_address_cursor(void) {
    char *capability = tigetstr("cup");
    return capability != 0 && capability != (char *)-1;
}

/// 1 when the locale's character set is UTF-8.
int cn_is_utf8(void);

/// Reads the terminal's size through the kernel; returns 0 on success.
int cn_window_size(int fd, int *rows, int *columns);

/// Remembers how to put the terminal back, for use by crash handlers.
///
/// Saves the settings of `fd` and the bytes to write; both are used later with async-signal-safe calls only.
void cn_remember_terminal(int fd, const char *bytes, int count);

/// Puts the terminal back as it was when remembered; safe in a signal handler, harmless when called twice.
void cn_restore_terminal(void);

/// Forgets what was remembered, so that later restores do nothing.
void cn_forget_terminal(void);

/// Restores the terminal on a crash (SIGSEGV, SIGABRT, SIGTRAP, SIGILL, SIGBUS, SIGFPE), then lets it go on.
void cn_restore_on_crash(void);

/// A file without a name, in memory; or -1.
int cn_memory_file(void);

/// Lets the descriptor `fd` stand for what `target` stands for.
void cn_point(int fd, int target);

/// Clears IXON on `fd`, so that ctrl-S is a key and never freezes the screen.
void cn_free_control_s(int fd);

#endif
