/*
 * For the statically linked program alone. The C library in it looks names up in files and over DNS by itself, and loads
 * whatever else nsswitch.conf names (myhostname, mdns4_minimal, resolve) from the host, together with the host's own C
 * library. Where that is of another version the process dies: an assertion on Debian 11, SIGFPE on Debian 13. The linker puts
 * this in the place of what would load them (--wrap), so that they count as not installed.
 */
#include <stddef.h>

void *__wrap___libc_dlopen_mode(const char *name, int mode) {
  (void)name;
  (void)mode;
  return NULL;
}
