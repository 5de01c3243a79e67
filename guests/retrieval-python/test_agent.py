import agent
import pytest
from index import Index

from kellion import InvalidPayload
from kellion.testing import Script, invoke

LIBRARY = "The library opens at nine. On Sundays it is closed."
POOL = "The swimming pool opens at seven. Children pay half."


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(agent, "index", Index())


def test_answers_are_drawn_from_what_was_added_and_cited():
    script = Script().says("It opens at nine [1].")
    for title, text in (("Pool", POOL), ("Library", LIBRARY)):
        answer = invoke(agent.app, {"add": {"title": title, "text": text}}, script=script)
        assert answer.value == {"added": title, "passages": 1}

    events = invoke(agent.app, {"ask": "When does the library open?"}, script=script).events

    assert events[0]["sources"][0]["title"] == "Library"
    assert "".join(event["text"] for event in events if "text" in event) == "It opens at nine [1]."
    assert [cited["title"] for cited in events[-1]["citations"]] == ["Library"]
    assert "[1] Library: The library opens at nine." in script.requests[0].messages[0].text


def test_what_no_document_says_costs_no_model():
    script = Script()
    events = invoke(agent.app, {"ask": "Who was Napoleon?"}, script=script).events
    assert events[-1] == {"citations": []}
    assert script.requests == []


def test_documents_are_listed_replaced_and_forgotten():
    for text in (LIBRARY, POOL):
        invoke(agent.app, {"add": {"title": "Only", "text": text}})
    assert invoke(agent.app, {"list": True}).value == {"documents": ["Only"]}
    assert invoke(agent.app, {"forget": "Only"}).value == {"forgotten": "Only", "passages": 1}
    assert invoke(agent.app, {"list": True}).value == {"documents": []}


def test_long_texts_become_passages_of_whole_sentences():
    index = Index()
    assert index.add("Long", "One two three four five six seven eight nine ten. " * 20) == 3


@pytest.mark.parametrize("payload", [{}, {"add": {"title": "x"}}, {"ask": 1}, {"list": False}])
def test_other_payloads_are_refused(payload):
    with pytest.raises(InvalidPayload):
        invoke(agent.app, payload)
