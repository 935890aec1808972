"""Values as plain JSON, for the way into the sandbox and back: numbers, text, arrays, collections of them; no pickles.

What comes back was written by a stranger's program. `unpack` builds nothing but arrays of numbers and Python's own
plain values, whatever it is given, and no more of them than an honest answer could be made of.
"""

from __future__ import annotations

import base64
import json
import math

import numpy as np

_NUMBERS = "biufc"
_PLAIN = (str, bool, int, float)
_MOST_PARTS = 1_000_000  # values in one message; the numbers of an array are not counted
_DEEPEST = 50  # collections inside one another
_MOST_KEYS = 1000  # of a set or dict: numbers can be chosen so that each is compared with all before it
_MOST_AXES = 32  # of an array; NumPy allows 64
_LONGEST_TEXT = 100_000  # characters
_LARGEST = 1 << 1023  # an integer; a float can hold it


TURN = {"turn": True}  # the message before what is said of an answer
TURN_LINE = (json.dumps(TURN) + "\n").encode()


class WireError(ValueError):
    """What came back is not what `pack` writes."""


def pack(value):
    """`value` as data for JSON. What is neither plain nor an array becomes the name of its type."""
    if value is None or type(value) in _PLAIN:
        return value
    if value is ...:
        return {"kind": "ellipsis"}
    if isinstance(value, (tuple, list)):
        return {"kind": "tuple" if isinstance(value, tuple) else "list", "parts": [pack(part) for part in value]}
    if isinstance(value, dict) and _are_plain(value):
        return {"kind": "dict", "keys": list(value), "parts": [pack(part) for part in value.values()]}
    if isinstance(value, (set, frozenset)) and _are_plain(value):
        return {"kind": "set", "keys": sorted(value, key=repr)}
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        return _pack_array(value)
    if hasattr(value, "as_list"):  # TensorFlow's shapes
        return pack(value.as_list())
    return {"kind": "other", "type": type(value).__name__}


def _are_plain(keys) -> bool:
    return all(type(key) in _PLAIN for key in keys)


def _pack_array(value):
    array = np.asarray(value)
    if array.dtype.kind not in _NUMBERS:
        if array.dtype.name == "bfloat16":
            array = array.astype(np.float32)
        else:
            return {"kind": "other", "type": f"{type(value).__name__} of {array.dtype.name}"}
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    data = base64.b64encode(array.tobytes()).decode("ascii")
    return {"kind": "array", "dtype": array.dtype.str, "shape": list(array.shape), "data": data}


def turns(words: bytes) -> list[bytes]:
    """What was said before the first answer's turn, and then in each turn."""
    return words.split(TURN_LINE)


def messages(words: bytes, most: int) -> list[dict]:
    """What a stranger's program said: those of its first `most` lines that are JSON objects, and not too large."""
    found = []
    for row in words.split(b"\n", most)[:most]:
        if sum(map(row.count, (b"[", b"{", b","))) > _MOST_PARTS:
            found.append({"fault": f"It returned more than {_MOST_PARTS:,} values.", "status": "wrong"})
            continue
        try:
            message = json.loads(row)
        except (ValueError, RecursionError):  # Python reads no number of more than 4300 digits
            continue
        if isinstance(message, dict):
            found.append(message)
    return found


def unpack(data, depth: int = 0):
    """The value again. Raises `WireError` for what `pack` would not have written, and for what is too large."""
    if data is None or type(data) in _PLAIN:
        return _checked(data)
    if depth > _DEEPEST:
        raise WireError(f"more than {_DEEPEST} collections came back inside one another")
    kind = data.get("kind") if isinstance(data, dict) else None
    try:
        if kind == "ellipsis":
            return ...
        if kind in ("tuple", "list"):
            return (tuple if kind == "tuple" else list)(unpack(part, depth + 1) for part in data["parts"])
        if kind in ("dict", "set"):
            keys = data["keys"]
            if type(keys) is not list or not _are_plain(keys):
                raise WireError("a collection with keys of unknown kind came back")
            if len(keys) > _MOST_KEYS:
                raise WireError(f"a {kind} of more than {_MOST_KEYS} came back")
            keys = list(map(_checked, keys))
            parts = [] if kind == "set" else [unpack(part, depth + 1) for part in data["parts"]]
            return set(keys) if kind == "set" else dict(zip(keys, parts, strict=True))
        if kind == "array":
            return _unpack_array(data["dtype"], data["shape"], data["data"])
        if kind == "other":
            return type(str(data["type"])[:80].replace("\0", ""), (), {})()  # judged by the name of its type
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, WireError):
            raise
        raise WireError(f"a value came back damaged ({type(error).__name__})") from None
    raise WireError("a value of unknown kind came back")


def _checked(value):
    """A plain value, unless it is so large that judging it would take long."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise WireError(f"text of more than {_LONGEST_TEXT:,} characters came back")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise WireError("an integer of more than 300 digits came back")
    return value


def _unpack_array(dtype: str, shape: list[int], data: str) -> np.ndarray:
    kind = np.dtype(str(dtype)[:10])
    if kind.kind not in _NUMBERS or kind.hasobject:
        raise WireError("an array of something else than numbers came back")
    if type(shape) is not list or len(shape) > _MOST_AXES:
        raise WireError("an array of impossible shape came back")
    if not all(type(side) is int and 0 <= side < 1 << 40 for side in shape):
        raise WireError("an array of impossible shape came back")
    content = base64.b64decode(data, validate=True)
    if len(content) != math.prod(shape) * kind.itemsize:
        raise WireError("an array came back with a part missing")
    return np.frombuffer(content, kind).reshape(shape).copy()
