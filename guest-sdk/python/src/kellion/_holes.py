"""Fills the gaps between what is in memory when the build ends.

What a session allocates would otherwise go into gaps all over the memory that sessions share, and make each page that it
touches the session's own. With the gaps full it lies together, behind everything else. The filler is never used.
"""

SIZES = (8192, 4096, 2048, 1024, 768, 512, 448, 384, 320, 256, 224, 192, 160, 128, 112, 96, 80, 64, 48, 32, 24)
"""Bytes of a piece, largest first, so that large gaps take few pieces."""

MOST_BYTES = 8 << 20
"""Of filler. More would cost more, in the component's size, than it saves."""

_HEADER = 17
"""Bytes that an empty bytes object takes in the cell's interpreter."""


def fill(most: int = MOST_BYTES) -> list[bytes]:
    """Pieces of memory that lie in the gaps, to be kept for good."""
    kept: list[bytes] = []
    # Larger than any gap, so that it lies behind them; what lies behind it lies in no gap.
    end = id(b"\xa5" * (1 << 20))
    left = most
    for size in SIZES:
        misses = 0
        while misses < 2 and left > 0:
            # Not zeros: each run of them would part the memory's data into one more segment, of which there may not be many.
            piece = b"\xa5" * (size - _HEADER)
            if id(piece) >= end:
                misses += 1
            else:
                kept.append(piece)
                left -= size
    return kept
