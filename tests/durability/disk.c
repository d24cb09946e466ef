/* A disk that loses what was not synced. Loaded before libc (LD_PRELOAD), it copies a file of the
 * data folder into a second folder when, and only when, the file is synced; a new name appears
 * there only once the folder itself is synced. After a kill the second folder is what a machine
 * without power would find on its disk.
 *
 * DISK_FROM, DISK_TO: the data folder and its image. In the image folder the harness may put
 * `.ignore` (syncs answer success and do nothing: the control) or `.fail` (the next syncs count
 * down from the number in it, and the one that reaches zero fails with EIO, as do all after it) or
 * `.full` (whatever would be written to a file of the folder fails with ENOSPC, as long as it is
 * there). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static long countdown = -1;

static int exists(const char *folder, const char *name, char *path) {
    snprintf(path, 4096, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* Copies beside the target and renames, so that a kill in between leaves the old image whole. */
static void copy(const char *from, const char *folder, const char *name) {
    char half[8192], whole[8192];
    snprintf(half, sizeof half, "%s/.half.%d", folder, (int)gettid());
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    int in = open(from, O_RDONLY), out = open(half, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    while (in >= 0 && out >= 0 && sendfile(out, in, NULL, 1 << 24) > 0) {}
    close(in);
    close(out);
    rename(half, whole);
}

static void settle_names(const char *from, const char *to) {
    char unnamed[4096], path[4096], target[8192];
    snprintf(unnamed, sizeof unnamed, "%s/.unnamed", to);
    struct dirent *entry;
    DIR *folder = opendir(unnamed);
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && exists(from, entry->d_name, path)) {
            snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
            exists(unnamed, entry->d_name, path);
            rename(path, target);
        }
    if (folder) closedir(folder);
    folder = opendir(from);
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && entry->d_type == DT_REG && !exists(to, entry->d_name, path))
            close(open(path, O_WRONLY | O_CREAT, 0600));
    if (folder) closedir(folder);
    folder = opendir(to);
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && !exists(from, entry->d_name, path)) {
            snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
            unlink(target);
        }
    if (folder) closedir(folder);
}

static int fails(const char *to) {
    char path[4096];
    if (countdown < 0 && exists(to, ".fail", path)) {
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%ld", &countdown) != 1) countdown = -1;
        if (file) fclose(file);
    }
    return countdown >= 0 && (countdown == 0 || --countdown == 0);
}

static int sync_to_image(int fd, const char *real_name) {
    const char *from = getenv("DISK_FROM"), *to = getenv("DISK_TO");
    char link[64], path[4096], other[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    size_t prefix = from ? strlen(from) : 0;
    if (!from || !to || strncmp(path, from, prefix) != 0) {
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, real_name);
        return real(fd);
    }
    if (exists(to, ".ignore", other)) return 0;
    pthread_mutex_lock(&turn);
    int failed = fails(to);
    if (!failed && path[prefix] == 0) {
        settle_names(from, to);
    } else if (!failed && path[prefix] == '/' && !strchr(path + prefix + 1, '/')) {
        const char *name = path + prefix + 1;
        snprintf(other, sizeof other, "%s/.unnamed", to);
        mkdir(other, 0700);
        char named[4096];
        copy(path, exists(to, name, named) ? to : other, name);
    }
    pthread_mutex_unlock(&turn);
    if (failed) errno = EIO;
    return failed ? -1 : 0;
}

int fsync(int fd) { return sync_to_image(fd, "fsync"); }
int fdatasync(int fd) { return sync_to_image(fd, "fdatasync"); }

static int is_full(int fd) {
    const char *from = getenv("DISK_FROM"), *to = getenv("DISK_TO");
    char link[64], path[4096], mark[4096];
    if (!from || !to || !exists(to, ".full", mark)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, from, strlen(from)) == 0;
}

#define UNLESS_FULL(type, name, parameters, arguments)                          \
    type name parameters {                                                      \
        static type (*real) parameters;                                         \
        if (!real) real = (type (*) parameters)dlsym(RTLD_NEXT, #name);         \
        if (!is_full(fd)) return real arguments;                                \
        errno = ENOSPC;                                                         \
        return -1;                                                              \
    }

UNLESS_FULL(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
UNLESS_FULL(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
UNLESS_FULL(ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at))
UNLESS_FULL(ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count))
UNLESS_FULL(int, ftruncate, (int fd, off_t size), (fd, size))
UNLESS_FULL(int, ftruncate64, (int fd, off64_t size), (fd, size))
