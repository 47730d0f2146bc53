/* Adds 2 ms to every sync of a file, as a slower disk would: LD_PRELOAD this. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static const struct timespec extra = {0, 2000000};

static int synced(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    nanosleep(&extra, 0);
    return real(fd);
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
