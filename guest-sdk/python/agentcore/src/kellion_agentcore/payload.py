"""Bounds on payloads that would exhaust the interpreter's stack."""

# JSON nested deeper than this is refused before it is parsed. What people send is some ten deep.
DEEPEST = 500

_OPEN, _CLOSE, _QUOTE, _ESCAPE = b"[{", b"]}", 0x22, 0x5C


def too_deep(payload: bytes) -> bool:
    """Whether a payload's brackets nest deeper than `DEEPEST`. What is no JSON is somebody else's to refuse."""
    if payload.count(b"[") + payload.count(b"{") <= DEEPEST:
        return False
    depth = 0
    in_string = escaped = False
    for byte in payload:
        if in_string:
            if escaped:
                escaped = False
            elif byte == _ESCAPE:
                escaped = True
            elif byte == _QUOTE:
                in_string = False
        elif byte == _QUOTE:
            in_string = True
        elif byte in _OPEN:
            depth += 1
            if depth > DEEPEST:
                return True
        elif byte in _CLOSE:
            depth -= 1
    return False
