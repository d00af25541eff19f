"""Files in the two formats of PyTorch, opcode by opcode, written without it."""

import pickle
import struct
import zipfile

from hfc_keras.models.torch_files import MAGIC, STORAGES, VERSION

REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(array, key, offset=0, shape=None, strides=None, kind=None, view=b""):
    """Pickle of a tensor that is all of its storage, or what else is asked for."""
    kind = kind or next(name for name, dtype in STORAGES.items() if dtype == array.dtype)
    shape = array.shape if shape is None else shape
    if strides is None:
        strides = [each // array.itemsize for each in array.strides]
    storage = text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu")
    place = b"(" + storage + number(array.size) + view + b"tQ" + number(offset)
    hooks = b"ccollections\nOrderedDict\n)R"
    return REBUILD + b"(" + place + numbers(shape) + numbers(strides) + b"\x89" + hooks + b"tR"


def described(arrays, **changes):
    """Pickle of a dict of arrays, each in a storage of its own."""
    items = [text(name) + tensor(each, name, **changes) for name, each in arrays.items()]
    return b"\x80\x02}(" + b"".join(items) + b"u."


def write(path, arrays, content=None, **changes):
    """Write a file as PyTorch does since 1.6."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("own/data.pkl", content or described(arrays, **changes))
        archive.writestr("own/byteorder", "little")
        archive.writestr("own/version", "3")
        for name, array in arrays.items():
            archive.writestr(f"own/data/{name}", array.tobytes())


def write_old(path, arrays, content=None, **changes):
    """Write a file as PyTorch did before."""
    parts = [MAGIC, VERSION, {"little_endian": True}]
    body = b"".join(pickle.dumps(each, 2) for each in parts)
    # A storage was described with a sixth word.
    body += (content or described(arrays, view=b"N", **changes)) + pickle.dumps(list(arrays), 2)
    for array in arrays.values():
        body += struct.pack("<q", array.size) + array.tobytes()
    path.write_bytes(body)
