"""Memory of long jobs kept level: the C library's allocator told to give large blocks back."""

import ctypes
import sys

__all__ = ["keep_memory_level"]

# Parameters of glibc's mallopt(3). A threshold that is set stays: by default it grows to the largest block that was
# freed, after which arrays of mixed sizes stay in heaps, one a thread, that only grow.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 256 * 1024
_ARENAS = 2


def keep_memory_level() -> bool:
    """Set the allocator of this process, before it starts threads; says whether there was one to set (glibc)."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_ARENA_MAX, _ARENAS), (_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _LARGE))
    return all(mallopt(name, value) == 1 for name, value in settings)
