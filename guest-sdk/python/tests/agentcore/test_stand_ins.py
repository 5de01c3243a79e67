import importlib
import sys
import threading

import boto3
import pytest
from botocore.exceptions import BotoCoreError
from kellion import AgentError, loop
from kellion_agentcore import absent, lifespan, threads
from kellion_agentcore.errors import NotInCell


def test_services_are_made_and_refused_when_they_are_asked():
    table = boto3.resource("dynamodb").Table("orders")
    pages = boto3.client("s3").get_paginator("list_objects_v2")
    with pytest.raises(NotInCell, match="'dynamodb' .its operation Table.get_item"):
        table.get_item(Key={})
    with pytest.raises(BotoCoreError, match="'s3' .its operation list_objects_v2.paginate"):
        pages.paginate(Bucket="b")
    with pytest.raises(BotoCoreError):
        table.meta.client.describe_table()
    with pytest.raises(AttributeError, match="_serializer"):
        boto3.client("s3")._serializer  # noqa: B018


def test_modules_that_nobody_stands_for_are_imported_and_refused(monkeypatch):
    finder = absent._Finder()
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    conditions = importlib.import_module("boto3.dynamodb.conditions")
    with pytest.raises(NotInCell, match="boto3.dynamodb.conditions.Key"):
        conditions.Key("id")
    for name in ("boto3.dynamodb", "boto3.dynamodb.conditions"):
        del sys.modules[name]


@pytest.fixture
def agents_threads(monkeypatch):
    """Threads as in a cell, where this file is the agent's."""
    monkeypatch.setattr(threading.Thread, "start", threads._start)
    monkeypatch.setattr(threads, "_folders", (__file__.rpartition("/")[0] + "/",))


def test_a_thread_of_the_agent_s_own_runs_at_once(agents_threads):
    done = []

    def work(what):
        done.append(what)

    thread = threading.Thread(target=work, args=("one",), daemon=True)
    thread.start()
    thread.join()
    assert (done, thread.is_alive()) == (["one"], False)
    with pytest.raises(RuntimeError, match="once"):
        thread.start()


def test_what_a_thread_raises_is_told_and_goes_no_further(agents_threads, monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda said: told.append(said.exc_type))

    class Worker(threading.Thread):
        def run(self):
            raise KeyError("x")

    Worker().start()
    assert told == [KeyError]


def test_other_threads_are_refused(agents_threads):
    with pytest.raises(NotInCell, match="threading.Thread"):
        threading.Thread(target=print).start()
    with pytest.raises(NotInCell, match="threading.Thread"):
        threading.Timer(1, print).start()


class Application:
    """One with a lifespan."""

    def __init__(self, fails=False):
        self.started = 0
        self.fails = fails
        self.router = type("Router", (), {"lifespan_context": object()})

    async def __call__(self, scope, receive, send):
        assert (scope["type"], (await receive())["type"]) == ("lifespan", "lifespan.startup")
        self.started += 1
        if self.fails:
            await send({"type": "lifespan.startup.failed", "message": "no luck"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise AssertionError("sessions end without notice")


def test_an_application_starts_once():
    application = Application()
    starting = lifespan.of(application)
    starting.begin()
    starting.begin()
    assert application.started == 1
    loop.get().run_until_complete(_cancel(starting._task))


async def _cancel(task):
    task.cancel()


def test_an_application_that_does_not_start_fails_the_turn():
    with pytest.raises(AgentError, match="no luck"):
        lifespan.of(Application(fails=True)).begin()


def test_most_applications_have_nothing_to_start():
    assert lifespan.of(object()) is None
