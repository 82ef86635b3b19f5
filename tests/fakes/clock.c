/* A machine whose clock is set while a program runs: preloaded, CLOCK_REALTIME is FAKE_CLOCK_SHIFT_S
 * later as soon as the file FAKE_CLOCK_SET exists. All other clocks go on as they were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, time);
    const char *set = getenv("FAKE_CLOCK_SET"), *shift = getenv("FAKE_CLOCK_SHIFT_S");
    if (clock == CLOCK_REALTIME && set && shift && !access(set, F_OK))
        time->tv_sec += atoi(shift);
    return status;
}
