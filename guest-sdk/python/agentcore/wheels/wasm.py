"""The little of the WebAssembly binary format that linking and slimming Python extensions needs."""

MAGIC = b"\0asm\x01\0\0\0"
CUSTOM, IMPORT = 0, 2


def number(data: bytes, at: int) -> tuple[int, int]:
    """Reads an unsigned LEB128 number; gives it and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def encoded(value: int) -> bytes:
    """A number as unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(data: bytes, at: int) -> tuple[str, int]:
    """Reads a name; gives it and where it ends."""
    length, at = number(data, at)
    return data[at : at + length].decode(), at + length


def section(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + encoded(len(body)) + body


def sections(module: bytes):
    """Each section of a module: its kind, its body, and the bytes that it stands in."""
    if module[:8] != MAGIC:
        raise ValueError("this is no WebAssembly module")
    at = 8
    while at < len(module):
        kind = module[at]
        length, start = number(module, at + 1)
        yield kind, module[start : start + length], module[at : start + length]
        at = start + length


def imported(module: bytes) -> set[str]:
    """The names of the modules that functions are imported from, WASI and the C library's `env` among them."""
    found = set()
    for kind, body, _ in sections(module):
        if kind != IMPORT:
            continue
        count, at = number(body, 0)
        for _ in range(count):
            name, at = text(body, at)
            _, at = text(body, at)
            what, at = body[at], at + 1
            if what == 0:
                found.add(name)
                _, at = number(body, at)
            elif what in (1, 2):
                at += what == 1
                flags, at = number(body, at)
                _, at = number(body, at)
                if flags & 1:
                    _, at = number(body, at)
            else:
                at += 2
    return found


def slim(module: bytes) -> bytes:
    """The module without custom sections, but for those that the linker reads: names for debuggers make half of it.

    rustc describes whole WASI worlds, whether they are used or not. Of these stay the ones that describe what is imported.
    """
    wasi = any(name.startswith("wasi:") for name in imported(module))
    out = bytearray(MAGIC)
    for kind, body, whole in sections(module):
        if kind == CUSTOM:
            name = text(body, 0)[0]
            world = name.startswith("component-type") and "proxy" not in name and "command" not in name
            if name != "dylink.0" and not (world and wasi):
                continue
        out += whole
    return bytes(out)


def empty_library() -> bytes:
    """A shared library with nothing in it: enough for a linker that looks for `libc.so`."""
    memory = encoded(1) + encoded(4) + bytes(4)
    return MAGIC + section(CUSTOM, encoded(len("dylink.0")) + b"dylink.0" + memory)
