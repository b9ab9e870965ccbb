/* Bad weather for one process, by LD_PRELOAD: slow disks and a clock that is wrong.

   FAULT_FSYNC names a file with milliseconds that every fsync and fdatasync takes longer, and
   FAULT_CLOCK one with seconds that the wall clock is ahead (negative: behind). Either may be
   missing, and both are read again while the process runs. Time that only passes (monotonic) is
   left alone: the machine's clock is wrong, not slow. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define READ_AGAIN_NANOSECONDS 20000000L

static long number_in(const char *variable) {
    const char *path = getenv(variable);
    char text[32] = {0};
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    return length > 0 ? strtol(text, NULL, 10) : 0;
}

static void take_longer(void) {
    long milliseconds = number_in("FAULT_FSYNC");
    if (milliseconds > 0)
        usleep(1000 * milliseconds);
}

int fsync(int file) {
    take_longer();
    return NEXT(fsync)(file);
}

int fdatasync(int file) {
    take_longer();
    return NEXT(fdatasync)(file);
}

static long seconds_ahead(void) {
    static __thread struct timespec read_at;
    static __thread long ahead;
    struct timespec now;
    NEXT(clock_gettime)(CLOCK_MONOTONIC, &now);
    long passed = (now.tv_sec - read_at.tv_sec) * 1000000000L + now.tv_nsec - read_at.tv_nsec;
    if (passed > READ_AGAIN_NANOSECONDS) {
        read_at = now;
        ahead = number_in("FAULT_CLOCK");
    }
    return ahead;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = NEXT(clock_gettime)(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += seconds_ahead();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    int failed = NEXT(gettimeofday)(now, zone);
    if (!failed)
        now->tv_sec += seconds_ahead();
    return failed;
}

time_t time(time_t *now) {
    time_t at = NEXT(time)(NULL) + seconds_ahead();
    if (now)
        *now = at;
    return at;
}
