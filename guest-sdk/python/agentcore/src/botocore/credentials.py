"""Credentials: names only."""


class Credentials:
    def __init__(self, access_key=None, secret_key=None, token=None, **_):
        self.access_key, self.secret_key, self.token = access_key, secret_key, token


class ReadOnlyCredentials(Credentials):
    pass


class RefreshableCredentials(Credentials):
    pass


class CredentialProvider:
    pass
