"""How the surroundings say that something does not exist in a cell."""


class NotInCell(RuntimeError):
    """Something that a cell does not have was used; the message says what to do instead."""


def refuse(what: str, instead: str) -> NotInCell:
    """The exception for a thing that a cell lacks."""
    return NotInCell(f"{what} is not available in a Kellion cell: {instead}")
