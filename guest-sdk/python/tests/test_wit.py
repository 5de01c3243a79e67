import pytest
from bindings import Err, FakeStream
from wit_world.imports import model as wit

from kellion import _wit, model

EVERYTHING = [
    model.Text("a"),
    model.Image("png", b"1"),
    model.Document("d", "pdf", b"2", "about", True),
    model.Video("mp4", b"3"),
    model.Audio("wav", b"4"),
    model.ToolUse("1", "t", {"a": [1]}),
    model.ToolResult(
        "1",
        [
            model.Text("x"),
            model.Json({"y": 1}),
            model.Image("png", b""),
            model.Document("d", "md", b""),
            model.Video("mp4", b""),
        ],
        True,
    ),
    model.Reasoning("hm", "s"),
    model.RedactedReasoning(b"5"),
    model.CachePoint(),
    model.Other({"z": None}),
]


def usage(tokens: int = 1):
    return wit.Usage(tokens, 2, 3, 4)


def test_every_kind_of_content_comes_back_as_it_was():
    assert [_wit.from_content(_wit.to_content(block)) for block in EVERYTHING] == EVERYTHING


def test_a_request_is_whole(host):
    host.answers.append(wit.Response([], wit.StopReason_EndTurn(), usage(), 5, "m", None))
    request = model.Request(
        "m",
        [model.user("hi", model.CachePoint()), model.assistant("ho")],
        [model.Text("be brief")],
        max_tokens=10,
        temperature=0.5,
        top_p=0.9,
        stop_sequences=["."],
        tools=[model.ToolSpec("t", None, {"type": "object"})],
        tool_choice=model.OneTool("t"),
        guardrail=model.Guardrail("g", "1"),
        extra={"k": 1},
    )
    _wit.Host().converse(request)
    assert host.requests == [
        wit.Request(
            "m",
            [wit.Content_Text("be brief")],
            [
                wit.Message(wit.Role.USER, [wit.Content_Text("hi"), wit.Content_CachePoint()]),
                wit.Message(wit.Role.ASSISTANT, [wit.Content_Text("ho")]),
            ],
            wit.Inference(10, 0.5, 0.9, ["."]),
            [wit.Tool("t", None, '{"type": "object"}')],
            wit.ToolChoice_Tool("t"),
            wit.Guardrail("g", "1"),
            '{"k": 1}',
        )
    ]


def test_an_answer_is_whole(host):
    content = [wit.Content_ToolUse(wit.ToolUse("1", "t", "")), wit.Content_ToolUse(wit.ToolUse("2", "t", "{cut"))]
    host.answers.append(wit.Response(content, wit.StopReason_Other("odd"), usage(), 5, "m", '{"trace": 1}'))
    response = _wit.Host().converse(model.Request("m", []))
    assert response == model.Response(
        [model.ToolUse("1", "t", {}), model.ToolUse("2", "t", "{cut")],
        "odd",
        model.Usage(1, 2, 3, 4),
        5,
        "m",
        {"trace": 1},
    )


def test_a_failed_call_says_why_and_when_to_try_again(host):
    host.answers.append(Err(wit.Error(wit.ErrorKind.BUDGET_EXHAUSTED, "gone", 1500, usage())))
    with pytest.raises(model.Error) as caught:
        _wit.Host().converse(model.Request("m", []))
    error = caught.value
    assert (error.kind, error.message, error.retry_after, error.usage) == (
        "budget_exhausted",
        "gone",
        1.5,
        model.Usage(1, 2, 3, 4),
    )
    assert str(error) == "the model budget is used up: gone"
    assert not error.is_transient


def test_a_stream_gives_its_pieces_and_lets_go_of_its_handle(host):
    whole = wit.Response([wit.Content_Text("ab")], wit.StopReason_EndTurn(), usage(), 5, "m", None)
    pieces = [
        wit.Event_BlockStart(wit.BlockStart_Text()),
        wit.Event_Delta(wit.Delta_Text("a")),
        wit.Event_Delta(wit.Delta_Text("b")),
        wit.Event_BlockStop(),
        wit.Event_BlockStart(wit.BlockStart_ToolUse(wit.ToolUseStart("1", "t"))),
        wit.Event_Delta(wit.Delta_ToolInput("{")),
        wit.Event_Delta(wit.Delta_Other('{"q": 1}')),
        wit.Event_Done(whole),
    ]
    host.answers.append(list(pieces))
    stream = model.ResponseStream(_wit.Host().converse_stream(model.Request("m", [])))
    assert list(stream) == [
        model.BlockStart("text"),
        model.TextDelta("a"),
        model.TextDelta("b"),
        model.BlockStop(),
        model.BlockStart("tool_use", "1", "t"),
        model.ToolInputDelta("{"),
        model.OtherDelta({"q": 1}),
        model.Done(_wit.from_response(whole)),
    ]
    assert stream.response is not None
    assert stream.response.text == "ab"
    assert host.closed == 1


def test_a_stream_that_breaks_lets_go_of_its_handle_too(host):
    broken = Err(wit.Error(wit.ErrorKind.UNAVAILABLE, "lost", None, None))
    stream = model.ResponseStream(_wit.Stream(FakeStream(host, [wit.Event_Delta(wit.Delta_Text("a")), broken])))
    next(stream)
    with pytest.raises(model.Error, match="the model is unavailable: lost"):
        next(stream)
    assert host.closed == 1


def test_halves_of_surrogate_pairs_do_not_reach_the_host(host):
    _wit.Host().log("info", "a\ud800b")
    assert host.logged == [("INFO", "a?b")]
