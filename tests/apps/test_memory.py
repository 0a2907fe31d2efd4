import subprocess
import sys

import pytest

# Blocks of growing size, half of them freed in turn from another thread: with glibc's own settings the heaps keep them.
_SCRIPT = """
import sys, threading
from medspan.apps.memory import keep_memory_level
if sys.argv[1] == "level":
    assert keep_memory_level()
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def work():
    kept = []
    for size in range(300_000, 4_000_000, 50_000):
        big = bytearray(size)
        kept.append(bytearray(1000))
        del big
for _ in range(8):
    thread = threading.Thread(target=work); thread.start(); thread.join()
print(rss())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sets glibc's allocator")
def test_the_allocator_can_be_set_and_large_blocks_go_back() -> None:
    plain, level = (
        int(subprocess.run([sys.executable, "-c", _SCRIPT, how], capture_output=True, text=True, check=True).stdout)
        for how in ("plain", "level")
    )
    assert level <= plain
