"""How many cores a benchmark may use; to be called before a numerical package is imported."""

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def available() -> int:
    """Cores that this process may use.

    Returns:
        int, at least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit(count: int | None) -> int:
    """Keep this process, with every package that it imports later, on some cores.

    Args:
        count: int from 1, or None for all there are.

    Returns:
        int, the cores it has; fewer than asked where there are no more.
    """
    count = available() if count is None else min(count, available())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    return count


def processor() -> str:
    """Name of the processor.

    Returns:
        str, as the system says it.
    """
    if CPUINFO.exists():
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
