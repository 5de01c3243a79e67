"""Stands for botocore in a cell: its exceptions and the names that others import. No request is made here."""

__version__ = "1.44.5"


class _Unsigned:
    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


UNSIGNED = _Unsigned()
