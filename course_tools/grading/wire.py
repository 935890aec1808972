"""Values as plain JSON, for the way into the sandbox and back: numbers, text, arrays, collections of them; no pickles.

What comes back was written by a stranger's program. `unpack` builds nothing but arrays of numbers and Python's own
plain values, whatever it is given.
"""

from __future__ import annotations

import base64
import math

import numpy as np

_NUMBERS = "biufc"
_PLAIN = (str, bool, int, float)


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


def unpack(data):
    """The value again. Raises `WireError` for anything that `pack` would not have written."""
    if data is None or type(data) in _PLAIN:
        return data
    kind = data.get("kind") if isinstance(data, dict) else None
    try:
        if kind == "ellipsis":
            return ...
        if kind in ("tuple", "list"):
            return (tuple if kind == "tuple" else list)(unpack(part) for part in data["parts"])
        if kind in ("dict", "set"):
            keys = data["keys"]
            if type(keys) is not list or not _are_plain(keys):
                raise WireError("a collection with keys of unknown kind came back")
            return set(keys) if kind == "set" else dict(zip(keys, map(unpack, data["parts"]), strict=True))
        if kind == "array":
            return _unpack_array(data["dtype"], data["shape"], data["data"])
        if kind == "other":
            return type(str(data["type"])[:80].replace("\0", ""), (), {})()  # judged by the name of its type
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise WireError(f"a value came back damaged ({type(error).__name__})") from None
    raise WireError("a value of unknown kind came back")


def _unpack_array(dtype: str, shape: list[int], data: str) -> np.ndarray:
    kind = np.dtype(str(dtype))
    if kind.kind not in _NUMBERS or kind.hasobject:
        raise WireError("an array of something else than numbers came back")
    if not all(type(side) is int and side >= 0 for side in shape):
        raise WireError("an array of impossible shape came back")
    content = base64.b64decode(data, validate=True)
    if len(content) != math.prod(shape) * kind.itemsize:
        raise WireError("an array came back with a part missing")
    return np.frombuffer(content, kind).reshape(shape).copy()
