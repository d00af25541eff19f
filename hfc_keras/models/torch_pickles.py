"""The pickles in files of PyTorch, opcode by opcode.

A pickle is a program: Python's reader of pickles runs it, and reserves whatever memory it names. Of
its opcodes only those that ``torch.save`` writes are known here, each by a few lines below.
"""

import pickletools
from collections.abc import Callable, Iterable
from typing import IO, Any

# An OrderedDict, by name, becomes a dict; of its attributes PyTorch's own reader makes use alone.
ORDERED = "collections.OrderedDict"
# What a dictionary may have as a name: a tuple of tuples may take for ever to look up.
NAMES = (str, int, float, bool, type(None))


def read_pickle(
    stream: IO[bytes], found: Callable[[str], Any], stored: Callable[[Any], Any]
) -> Any:
    r"""What a pickle holds that is made of numbers, text, tuples, lists and dictionaries.

    Args:
        stream: file, read up to the end of the pickle.
        found: function from the dotted name of a class or function to what stands for it; if that
            is a function, it is called as the pickle says.
        stored: function from what the pickle says of an object outside of it to that object.

    Returns:
        the object, with dicts in place of ``OrderedDict``.

    Raises:
        ValueError: for any other content. A damaged pickle ends in errors of lists, too.

    Example:
        >>> import io
        >>> read_pickle(io.BytesIO(b"\x80\x02}U\x05epochK\x03s."), None, None)
        {'epoch': 3}
    """
    machine = _Machine(found, stored)
    for opcode, argument, _ in pickletools.genops(stream):
        machine.read += 1
        run = OPERATIONS.get(opcode.name)
        if run is None:
            raise ValueError(f"it holds what torch.save does not write (opcode {opcode.name})")
        run(machine, argument)
    return machine.stack.pop()


class _Machine:
    """Stack, marks on it, and memo of a pickle.

    Args:
        found: function, see ``read_pickle``.
        stored: function, see ``read_pickle``.
    """

    def __init__(self, found: Callable[[str], Any], stored: Callable[[Any], Any]) -> None:
        self.found, self.stored = found, stored
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.read = self.copied = 0

    def top(self, count: int) -> list[Any]:
        """Take off the last objects."""
        if count > len(self.stack):
            raise ValueError("its pickle ends within an object")
        return [self.stack.pop() for _ in range(count)][::-1]

    def marked(self) -> list[Any]:
        """Take off all objects since the last mark."""
        start = self.marks.pop()
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def append(self, values: Iterable[Any]) -> None:
        """Put values behind those of a list."""
        target = self.stack[-1]
        if type(target) is not list:
            raise ValueError("it puts values into what is no list")
        target.extend(values)

    def set(self, parts: list[Any]) -> None:
        """Put names and values, in turn, into a dictionary."""
        target = self.stack[-1]
        if type(target) is not dict:
            raise ValueError("it puts names into what is no dictionary")
        for name, value in zip(parts[::2], parts[1::2], strict=True):
            if type(name) not in NAMES:
                raise ValueError("it holds a dictionary whose names are neither text nor numbers")
            target[name] = value

    def find(self, name: str) -> None:
        """Put down what stands for a class or function."""
        self.stack.append(self.ordered if name == ORDERED else self.found(name))

    def find_on_stack(self) -> None:
        """Put down what stands for a class or function whose module and name are on the stack."""
        parts = self.top(2)
        if any(type(part) is not str for part in parts):
            raise ValueError("it names a function by what is no text")
        self.find(".".join(parts))

    def call(self) -> None:
        """Call one of the functions that ``found`` gave."""
        function, arguments = self.top(2)
        # Nothing else that is on the stack can be called.
        if not callable(function) or type(arguments) is not tuple:
            raise ValueError("it calls what is no function")
        self.stack.append(function(*arguments))

    def ordered(self, pairs: Any = ()) -> dict[Any, Any]:
        """Return a dictionary; Python 2 wrote its pairs as a list."""
        self.copied += len(pairs)
        # The same list, copied many times, would take more memory than its file.
        if self.copied > self.read or any(type(pair) is not list for pair in pairs):
            raise ValueError("it holds dictionaries of what are no pairs")
        self.stack.append({})
        self.set([part for name, value in pairs for part in (name, value)])
        return self.stack.pop()

    def build(self) -> None:
        """Leave out the attributes of a dictionary, where PyTorch keeps versions."""
        target, _ = self.top(2)
        if type(target) is not dict:
            raise ValueError("it sets attributes of what is no dictionary")
        self.stack.append(target)


def _push(machine: _Machine, value: Any) -> None:
    machine.stack.append(value)


def _put(machine: _Machine, index: int) -> None:
    machine.memo[index] = machine.stack[-1]


def _get(machine: _Machine, index: int) -> None:
    machine.stack.append(machine.memo[index])


# By the names of ``pickletools``; those of protocols 2 to 5 that such content needs.
OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), _push),
    **dict.fromkeys(("SHORT_BINSTRING", "BINSTRING", "SHORT_BINUNICODE", "BINUNICODE"), _push),
    "NONE": lambda machine, _: _push(machine, None),
    "NEWTRUE": lambda machine, _: _push(machine, True),
    "NEWFALSE": lambda machine, _: _push(machine, False),
    "EMPTY_TUPLE": lambda machine, _: _push(machine, ()),
    "EMPTY_LIST": lambda machine, _: _push(machine, []),
    "EMPTY_DICT": lambda machine, _: _push(machine, {}),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "TUPLE": lambda machine, _: _push(machine, tuple(machine.marked())),
    "TUPLE1": lambda machine, _: _push(machine, tuple(machine.top(1))),
    "TUPLE2": lambda machine, _: _push(machine, tuple(machine.top(2))),
    "TUPLE3": lambda machine, _: _push(machine, tuple(machine.top(3))),
    "APPEND": lambda machine, _: machine.append(machine.top(1)),
    "APPENDS": lambda machine, _: machine.append(machine.marked()),
    "SETITEM": lambda machine, _: machine.set(machine.top(2)),
    "SETITEMS": lambda machine, _: machine.set(machine.marked()),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _get),
    "MEMOIZE": lambda machine, _: _put(machine, len(machine.memo)),
    "GLOBAL": lambda machine, name: machine.find(name.replace(" ", ".")),
    "STACK_GLOBAL": lambda machine, _: machine.find_on_stack(),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: _push(machine, machine.stored(*machine.top(1))),
}
