"""One measure at one size, in a process of its own: ``python -m benchmarks.growth.child``.

It reads what to do from the command line as JSON and prints seconds and memory as JSON.
"""

import json
import subprocess
import sys
from typing import Any

from hfc_keras.types import Record


def measured(measure: str, sizes: dict[str, int], repeats: int) -> Record:
    """Call a measure in a child process, which begins with no memory in use.

    Args:
        measure: str.
        sizes: dict from the keys of ``tasks.USUAL`` to int.
        repeats: int, calls after the first.

    Returns:
        dict with seconds (list), first_call (seconds) and memory (GB, the process's peak beyond
        that of a tiny call of the same measure; None where the system does not say).

    Raises:
        RuntimeError: if the child ends with an error; its last lines are the message.
    """
    asked = json.dumps({"measure": measure, "sizes": sizes, "repeats": repeats})
    command = [sys.executable, "-m", "benchmarks.growth.child", asked]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = " | ".join(result.stderr.strip().splitlines()[-3:])
        raise RuntimeError(f"{measure} with {sizes} ended with {result.returncode}: {last}")
    return json.loads(result.stdout.splitlines()[-1])


def call(measure: str, sizes: dict[str, int], repeats: int) -> Record:
    """Call a measure in this process.

    Args:
        measure: str.
        sizes: dict, see ``measured``.
        repeats: int.

    Returns:
        dict, see ``measured``.
    """
    from benchmarks import timing
    from benchmarks.growth import tasks
    from hfc_keras.lab.record import peak_memory

    # Of this peak are the libraries and all else that comes with a first call.
    small = {**tasks.USUAL, "side": 8, "batch": 2, "examples": 2, "steps": 1, "radii": 1}
    model, function = tasks.work(measure, small)
    function(model)
    del model, function
    before: Any = peak_memory(digits=6)
    model, function = tasks.work(measure, sizes)
    first, _ = timing.timed(lambda: function(model))
    seconds = [timing.timed(lambda: function(model))[0] for _ in range(repeats)]
    after: Any = peak_memory(digits=6)
    memory = None if before is None else after - before
    return {"seconds": seconds, "first_call": first, "memory": memory and round(memory, 4)}


if __name__ == "__main__":
    print(json.dumps(call(**json.loads(sys.argv[1]))))
