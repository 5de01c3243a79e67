class InvalidTag(Exception):
    pass


class InvalidSignature(Exception):
    pass


class UnsupportedAlgorithm(Exception):
    pass
