"""Requests, which nobody sends."""


class AWSRequest:
    def __init__(self, *_, **fields):
        self.headers = {}
        self.__dict__.update(fields)


class AWSPreparedRequest(AWSRequest):
    pass
