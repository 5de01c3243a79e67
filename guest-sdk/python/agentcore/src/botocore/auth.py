"""Signatures: there are no credentials to sign with."""

from kellion_agentcore.errors import refuse


class SigV4Auth:
    def __init__(self, *_, **__):
        raise refuse("an AWS signature", "agents hold no AWS credentials")


class SigV4QueryAuth(SigV4Auth):
    pass


class S3SigV4Auth(SigV4Auth):
    pass


class S3SigV4QueryAuth(SigV4Auth):
    pass
