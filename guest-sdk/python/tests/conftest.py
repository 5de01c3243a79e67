"""One fake host for the whole run: the SDK binds the modules when it is imported."""

import bindings
import pytest

_host = bindings.install()


@pytest.fixture
def host():
    """The fake host, with nothing asked yet."""
    _host.__init__()
    return _host
