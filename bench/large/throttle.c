/* Slows the first touch of each 512 KiB of a file down to a rate, as a volume does that fetches them from S3.
 *
 * To be loaded before postgres (LD_PRELOAD). THROTTLE_FILE is shared by all of its processes and says which runs were
 * fetched; THROTTLE_RATE is in bytes a second, of all processes together. What was fetched before costs nothing more.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RUN (512L << 10)
#define SLOTS (1UL << 22)

struct shared {
  _Atomic uint64_t free_at; /* nanoseconds: when the volume has fetched all that it was asked for */
  _Atomic uint64_t fetched; /* bytes */
  struct {
    _Atomic uint64_t run;
    _Atomic uint64_t there_at;
  } slots[SLOTS];
};

static struct shared *shared;
static double nanoseconds_a_byte;

__attribute__((constructor)) static void open_shared(void) {
  const char *file = getenv("THROTTLE_FILE"), *rate = getenv("THROTTLE_RATE");
  int fd = file ? open(file, O_RDWR) : -1;
  if (fd < 0 || !rate) return;
  void *mapped = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return;
  nanoseconds_a_byte = 1e9 / atof(rate);
  shared = mapped;
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void wait_until(uint64_t moment) {
  struct timespec t = {moment / 1000000000, moment % 1000000000};
  if (moment > now())
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL)) continue;
}

static uint64_t queue(uint64_t bytes) {
  uint64_t before = atomic_load(&shared->free_at), begin, end;
  do {
    begin = now() > before ? now() : before;
    end = begin + (uint64_t)(bytes * nanoseconds_a_byte);
  } while (!atomic_compare_exchange_weak(&shared->free_at, &before, end));
  atomic_fetch_add(&shared->fetched, bytes);
  return end;
}

static void fetch(uint64_t run, uint64_t bytes) {
  uint64_t slot = run * 0x9E3779B97F4A7C15UL >> 42;
  for (;; slot = (slot + 1) % SLOTS) {
    uint64_t found = 0;
    if (atomic_compare_exchange_strong(&shared->slots[slot].run, &found, run)) {
      uint64_t end = queue(bytes);
      atomic_store(&shared->slots[slot].there_at, end);
      wait_until(end);
      return;
    }
    if (found == run) { /* another process may be fetching it */
      uint64_t end;
      while (!(end = atomic_load(&shared->slots[slot].there_at))) usleep(100);
      wait_until(end);
      return;
    }
  }
}

static void touch(int fd, off_t from, size_t size) {
  struct stat file;
  if (!shared || !size || fstat(fd, &file) || !S_ISREG(file.st_mode)) return;
  for (off_t run = from / RUN; run * RUN < from + (off_t)size && run * RUN < file.st_size; run++) {
    off_t left = file.st_size - run * RUN;
    fetch(((uint64_t)file.st_ino << 20) + run + 1, left < RUN ? left : RUN);
  }
}

static size_t total(const struct iovec *parts, int count) {
  size_t size = 0;
  for (int i = 0; i < count; i++) size += parts[i].iov_len;
  return size;
}

#define READ(name)                                                                        \
  ssize_t name(int fd, void *into, size_t size, off_t from) {                             \
    static ssize_t (*own)(int, void *, size_t, off_t);                                    \
    if (!own) own = dlsym(RTLD_NEXT, #name);                                              \
    touch(fd, from, size);                                                                \
    return own(fd, into, size, from);                                                     \
  }
#define READ_PARTS(name)                                                                  \
  ssize_t name(int fd, const struct iovec *into, int count, off_t from) {                 \
    static ssize_t (*own)(int, const struct iovec *, int, off_t);                         \
    if (!own) own = dlsym(RTLD_NEXT, #name);                                              \
    touch(fd, from, total(into, count));                                                  \
    return own(fd, into, count, from);                                                    \
  }

READ(pread)
READ(pread64)
READ_PARTS(preadv)
READ_PARTS(preadv64)
