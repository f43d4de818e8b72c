"""Files of any size and any bytes that a node accepts: safetensors with one tensor, or text where that is too long for them."""
import json

HEADER = 128  # bytes before the tensor, whatever its size


def header(size):
    """How a safetensors file of `size` bytes begins."""
    count = size - HEADER
    text = json.dumps({"t": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode()
    return (HEADER - 8).to_bytes(8, "little") + text.ljust(HEADER - 8)


def content(path, size, source):
    """`size` bytes for a file of this name; what is not fixed by the format comes from `source`, a random.Random."""
    if path.endswith(".json"):
        return ('{"a": "' + source.randbytes(size).hex()[:max(size - 9, 0)] + '"}').encode()[-size:] if size else b""
    if size <= HEADER:
        return source.randbytes(size).hex().encode()[:size]
    return header(size) + source.randbytes(size - HEADER)
