"""New processes that have imported Keras but nothing of the package.

Importing TensorFlow takes seconds. This program does it once, then runs each piece of code that it
is sent in a copy of itself. A copy knows no class of the package before the code imports it.
"""

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path


class Server:
    """The program in a process of its own."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, code, arguments, folder):
        """Run code in a new process.

        Args:
            code: str.
            arguments: list of str, its ``sys.argv[1:]``.
            folder: Path, where what it prints is kept.

        Returns:
            Exit status, what was printed, and what went to stderr.
        """
        paths = [str(folder / name) for name in ("stdout.txt", "stderr.txt")]
        request = {"code": code, "arguments": arguments, "paths": paths}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return status, *(Path(path).read_text() for path in paths)

    def end(self):
        """End it by the end of its input."""
        with self._process:
            self._process.stdin.close()


def serve():
    """Run each line of stdin in a copy of this process; print its exit status."""
    # As with `python -c`; a file has its folder there.
    sys.path[0] = ""
    import keras  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        copy = os.fork()
        if copy == 0:
            os._exit(_status(request))
        _, status = os.waitpid(copy, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _status(request):
    """Run a request with its own streams; return the exit status."""
    for number, path in enumerate(request["paths"], start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    sys.argv = ["-c", *request["arguments"]]
    status = 0
    try:
        exec(compile(request["code"], "<fresh>", "exec"), {"__name__": "__main__"})  # noqa: S102
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    serve()
