"""Hooks, which nobody calls."""


class HierarchicalEmitter:
    def register(self, *_, **__):
        pass

    register_first = register_last = unregister = register
