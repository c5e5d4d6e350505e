// The lower bound: runs a program COUNT times, WIDTH at once, and reads its output from pipes; nothing else.
#define _GNU_SOURCE
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: spawn_loop COUNT WIDTH PROGRAM [ARGUMENT ...]\n");
        return 64;
    }
    int left = atoi(argv[1]), width = atoi(argv[2]), open_now = 0;
    struct pollfd *pipes = calloc(width, sizeof *pipes);
    pid_t *pids = calloc(width, sizeof *pids);
    for (int i = 0; i < width; i++) pipes[i].fd = -1;
    while (left > 0 || open_now > 0) {
        for (int i = 0; i < width && left > 0; i++) {
            if (pipes[i].fd >= 0) continue;
            int ends[2];
            if (pipe2(ends, O_CLOEXEC) != 0) return 1;
            posix_spawn_file_actions_t actions;
            posix_spawn_file_actions_init(&actions);
            posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
            posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
            if (posix_spawn(&pids[i], argv[3], &actions, NULL, argv + 3, environ) != 0) return 1;
            posix_spawn_file_actions_destroy(&actions);
            close(ends[1]);
            pipes[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
            left--;
            open_now++;
        }
        if (poll(pipes, width, -1) < 0) return 1;
        for (int i = 0; i < width; i++) {
            char buffer[65536];
            if (pipes[i].fd < 0 || !pipes[i].revents || read(pipes[i].fd, buffer, sizeof buffer) > 0) continue;
            close(pipes[i].fd);
            pipes[i].fd = -1;
            int status;
            waitpid(pids[i], &status, 0);
            open_now--;
        }
    }
    return 0;
}
