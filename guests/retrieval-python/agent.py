"""Answers questions about documents that its session has been given.

    {"add": {"title": "Opening hours", "text": "The library opens at nine…"}}    in as many turns as one likes
    {"ask": "When does the library open?"}                                       streams the answer, with citations
    {"list": true}    {"forget": "Opening hours"}
"""

from collections.abc import Iterator
from typing import Any, Literal, TypedDict

from index import Index, Passage

from kellion import App, InvalidPayload, log, model, session

app = App()

# The session's memory: whoever comes with the same session id finds what was added before.
index = Index()

DEFAULT_MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"

INSTRUCTIONS = """Answer the question from the numbered passages alone, in a few sentences. Put the number of the passage
behind each statement, such as [2]. When the passages do not say, answer that the documents do not say it."""


class Document(TypedDict):
    """What is added."""

    title: str
    text: str


class Request(TypedDict, total=False):
    """What a caller sends: one of these."""

    add: Document
    ask: str
    list: Literal[True]
    forget: str


@app.entrypoint
def invoke(request: Request) -> Any:
    """One turn. A question is streamed; everything else is answered at once."""
    match request:
        case {"add": document}:
            passages = index.add(document["title"], document["text"])
            log.info(f"{document['title']}: {passages} passages, {len(index)} in all")
            return {"added": document["title"], "passages": passages}
        case {"ask": question}:
            return answer(question)
        case {"list": True}:
            return {"documents": index.titles()}
        case {"forget": title}:
            return {"forgotten": title, "passages": index.remove(title)}
    raise InvalidPayload("send one of add, ask, list and forget")


def answer(question: str) -> Iterator[dict[str, Any]]:
    """Streams what was found, the model's text piece by piece, and what of it was cited."""
    found = index.search(question, limit=4)
    if not found:
        yield {"text": "None of the documents has anything to do with this."}
        yield {"citations": []}
        return
    yield {"sources": [source(number, passage) for number, passage in enumerate(found, 1)]}

    text = ""
    with model.converse_stream(prompt(question, found)) as stream:
        for piece in stream.text():
            text += piece
            yield {"text": piece}
    cited = [source(number, passage) for number, passage in enumerate(found, 1) if f"[{number}]" in text]
    yield {"citations": cited}


def prompt(question: str, found: list[Passage]) -> model.Request:
    """What the model reads."""
    passages = "\n\n".join(f"[{number}] {passage.title}: {passage.text}" for number, passage in enumerate(found, 1))
    return model.Request(
        session.config("MODEL", DEFAULT_MODEL),
        [model.user(f"{passages}\n\nQuestion: {question}")],
        [model.Text(INSTRUCTIONS)],
        max_tokens=500,
        temperature=0.0,
    )


def source(number: int, passage: Passage) -> dict[str, Any]:
    """A passage as the caller reads it."""
    return {"number": number, "title": passage.title, "passage": passage.position, "text": passage.text}
