from kellion_agentcore.errors import refuse


def absent(name: str) -> type:
    """A class that cannot be made."""

    def fail(self, *_, **__):
        raise refuse(f"cryptography's {name}", "it is a native library that a cell does not have")

    return type(name, (), {"__init__": fail})
