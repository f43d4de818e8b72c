"""A file server on a bad day (bad_nas.cpp): what a process that was started with `environment` sees of one directory."""
import os
import shutil
import struct
import subprocess


def compiler():
    return shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


class BadNas:
    def __init__(self, directory, build_in):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self._library = os.path.join(build_in, "bad_nas.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad_nas.cpp")
        words = [compiler(), "-std=c++20", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", self._library, source, "-ldl"]
        subprocess.run(words, check=True, timeout=120)
        with open(directory + ".count", "wb") as file:
            file.write(bytes(8))

    @property
    def environment(self):
        return {"LD_PRELOAD": self._library, "BAD_NAS": self.directory, "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def begin(self, trouble):
        """ "hangs", "stale", "broken" or "gone"."""
        with open(f"{self.directory}.{trouble}", "w", encoding="utf-8"):
            pass

    def end(self, trouble):
        os.remove(f"{self.directory}.{trouble}")

    def bytes_read(self):
        with open(self.directory + ".count", "rb") as file:
            return struct.unpack("=Q", file.read(8))[0]
