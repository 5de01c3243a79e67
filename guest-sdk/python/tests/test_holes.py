from kellion import _holes


def test_the_filler_is_bounded_and_is_no_run_of_zeros():
    pieces = _holes.fill(most=100_000)
    assert sum(len(piece) + _holes._HEADER for piece in pieces) <= 100_000 + max(_holes.SIZES)
    assert all(set(piece) == {0xA5} for piece in pieces)
