"""Fills the gaps between what is in memory when the build ends.

What a session allocates would otherwise go into gaps all over the memory that sessions share, and make each page that it
touches the session's own. With the gaps full it lies together, behind everything else. The filler is never used.
"""

LARGE = (2 << 20, 1 << 20, 512 << 10, 256 << 10, 128 << 10, 64 << 10)
"""Bytes of pieces that keep the filler out of large gaps: what a session puts there lies together anyway."""

SIZES = (
    *(512, 448, 384, 320, 256, 224, 192, 160, 128, 112, 96, 80, 64, 48, 32, 24),
    *(8192, 4096, 2048, 1024, 768),
)
"""Bytes of a piece. First those of small objects, of which there are most; each kind largest first, so that gaps take few."""

MOST_BYTES = 16 << 20
"""Of filler. More would cost more, in the component's size, than it saves."""

_BEYOND = 4 << 20
_MOST_LARGE = 64
_HEADER = 17
"""Bytes that an empty bytes object takes in the cell's interpreter."""


def fill(most: int = MOST_BYTES) -> list[bytes]:
    """Pieces of memory that lie in the gaps, to be kept for good."""
    kept: list[bytes] = []
    # Larger than any gap, so that it lies behind them; what lies behind it lies in no gap.
    end = id(bytes(_BEYOND))
    left = most
    aside = _large(end)
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
    # Gaps again, from here on.
    del aside
    return kept


def _large(end: int) -> list[bytes]:
    """Pieces that take up the large gaps."""
    aside: list[bytes] = []
    for size in LARGE:
        while len(aside) < _MOST_LARGE:
            piece = b"\xa5" * size
            if id(piece) >= end:
                break
            aside.append(piece)
    return aside
