#!/usr/bin/env python3
"""Makes a sharded safetensors checkpoint with pseudo-random bf16 weights: the same seed and size give the same bytes.

The headers follow the safetensors format; the weights are finite and small, and do not compress well.
"""
import argparse
import json
import os
import random
import re
import struct
import sys

SHARDS = 4
TENSORS_PER_SHARD = 16
COLUMNS = 1024  # of every matrix
CHUNK = 16 << 20
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
# The high byte of a bf16 has the sign and seven bits of the exponent; this maps any byte to a small, finite number.
HIGH_BYTES = bytes((b & 0x80) | (0x3B + b % 3) for b in range(256))


def parse_size(text):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?I?B?)", text.strip().upper())
    if not match or match[2] not in UNITS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 512MB or 2GiB")
    return int(float(match[1]) * UNITS[match[2]])


def split(total, parts):
    """`total` in `parts` nearly equal whole numbers."""
    return [total // parts + (1 if i < total % parts else 0) for i in range(parts)]


def shard_tensors(shard, elements):
    """Names and shapes of one shard; together they hold exactly `elements` numbers."""
    for index, count in enumerate(split(elements, TENSORS_PER_SHARD)):
        name = f"model.layers.{shard * TENSORS_PER_SHARD + index}.mlp.down_proj.weight"
        rows = count // COLUMNS
        if rows:
            yield name, [rows, COLUMNS]
        if rest := count - rows * COLUMNS:
            yield name.replace(".weight", ".bias"), [rest]


def header_of(tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        size = 2 * shape[0] * (shape[1] if len(shape) == 2 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def weights(seed, size):
    """`size` bytes of bf16 numbers, little-endian, in chunks."""
    source = random.Random(seed)
    while size:
        count = min(size, CHUNK)
        chunk = bytearray(source.randbytes(count))
        chunk[1::2] = chunk[1::2].translate(HIGH_BYTES)
        yield chunk
        size -= count


def write_shard(path, seed, tensors):
    with open(path, "wb") as out:
        out.write(header_of(tensors))
        for chunk in weights(seed, sum(2 * s[0] * (s[1] if len(s) == 2 else 1) for _, s in tensors)):
            out.write(chunk)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(value, out, indent=2)
        out.write("\n")


def make(directory, size, seed):
    os.makedirs(directory, exist_ok=True)
    if os.listdir(directory):
        sys.exit(f"make-checkpoint: {directory} is not empty: give a new directory")
    weight_map = {}
    for shard, elements in enumerate(split(size // 2, SHARDS)):
        name = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        tensors = list(shard_tensors(shard, elements))
        weight_map.update((tensor, name) for tensor, _ in tensors)
        write_shard(os.path.join(directory, name), f"{seed}/{shard}", tensors)
    write_json(os.path.join(directory, "model.safetensors.index.json"),
               {"metadata": {"total_size": size // 2 * 2}, "weight_map": weight_map})
    write_json(os.path.join(directory, "config.json"), {"model_type": "synthetic", "hidden_size": COLUMNS, "torch_dtype": "bfloat16",
                                                        "num_hidden_layers": SHARDS * TENSORS_PER_SHARD, "seed": seed})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="a new or empty directory")
    parser.add_argument("--size", type=parse_size, default="512MB", help="bytes of weights (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="a different seed gives different weights (default: %(default)s)")
    options = parser.parse_args()
    if options.size < 2:
        parser.error("--size must be at least 2 bytes")
    make(options.directory, options.size, options.seed)


if __name__ == "__main__":
    main()
