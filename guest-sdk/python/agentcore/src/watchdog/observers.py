"""Part of the stand-in."""

from kellion_agentcore.errors import refuse


class Observer:
    def __init__(self, *_, **__):
        pass

    def schedule(self, *_, **__):
        pass

    def start(self):
        raise refuse("watching files", "a cell has no files; name tools in the agent's code instead of load_tools_from_directory")

    def stop(self):
        pass

    def join(self, *_):
        pass
