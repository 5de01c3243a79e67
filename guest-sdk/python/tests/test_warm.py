from kellion import _host, _warm
from kellion.model.stream import close_all
from kellion.testing import context


def test_turns_of_nobodys_leave_nothing_behind(host):
    before = _host.current
    _warm.up(context())
    assert _host.current is before
    assert close_all() == 0
    assert (host.logged, host.sent, host.types, host.requests) == ([], [], [], [])
