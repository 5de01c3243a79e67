"""Stands for ctypes, of which there is no native half: what pure Python packages use of it while they are imported."""

import struct


class _Number:
    _format = ""

    def __init__(self, value=0):
        self.value = value

    @classmethod
    def from_buffer(cls, other):
        return cls(struct.unpack("<" + cls._format, struct.pack("<" + other._format, other.value))[0])


def _number(name, letter):
    return type(name, (_Number,), {"_format": letter})


c_double, c_float = _number("c_double", "d"), _number("c_float", "f")
c_int64, c_uint64 = _number("c_int64", "q"), _number("c_uint64", "Q")
c_int32, c_uint32 = _number("c_int32", "i"), _number("c_uint32", "I")
c_int8, c_uint8 = _number("c_int8", "b"), _number("c_uint8", "B")
c_bool = _number("c_bool", "?")
c_longlong, c_ulonglong = c_int64, c_uint64
c_int = c_long = c_int32
c_uint = c_ulong = c_size_t = c_uint32
c_char_p = c_void_p = c_uint32


def sizeof(kind):
    return struct.calcsize(kind._format)


def __getattr__(name):
    raise AttributeError(f"ctypes.{name} is not available in a Kellion cell: it loads no native libraries")
