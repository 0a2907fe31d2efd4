"""How much memory the process holds and has held, without a package for it."""

import resource
import sys
from pathlib import Path

__all__ = ["HighWater", "resident_bytes"]

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Return the process's resident memory now; where the system does not tell, the most it ever was."""
    found = _status("VmRSS")
    return _ever() if found is None else found


class HighWater:
    """The most resident memory in the stretches between `begin` and `read`, in bytes.

    Linux lets a process forget its former high-water mark, so that loading and evaluation do not count. Elsewhere, or
    where that is not allowed, the mark is the process's highest ever.
    """

    def __init__(self) -> None:
        self.before: int | None = None
        self.highest = 0

    def begin(self) -> None:
        """Start a stretch; the first one fixes `before`, the memory held when training began."""
        if self.before is None:
            self.before = resident_bytes()
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return

    def read(self) -> None:
        """Take the mark of the stretch."""
        found = _status("VmHWM")
        self.highest = max(self.highest, _ever() if found is None else found)

    @property
    def growth(self) -> int:
        """What training needed on top of what was held before its first step."""
        return max(0, self.highest - (self.before or 0))


def _status(name: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), None)


def _ever() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
