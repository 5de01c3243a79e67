"""Settings of a client: kept, and without effect, since the server makes the requests."""


class Config:
    def __init__(self, *_, **settings):
        self._user_provided_options = dict(settings)
        self.__dict__.update(settings)

    def merge(self, other):
        return Config(**{**self._user_provided_options, **other._user_provided_options})

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return None
