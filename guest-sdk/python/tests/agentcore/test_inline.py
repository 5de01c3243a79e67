import asyncio
import concurrent.futures

import pytest
from kellion_agentcore import inline
from kellion_agentcore.loop import Loop


def run(coroutine):
    loop = Loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def test_a_blocking_function_may_run_a_loop_of_its_own():
    async def inner():
        await asyncio.sleep(0)
        return asyncio.current_task() is not None

    async def outer():
        there = await asyncio.get_running_loop().run_in_executor(None, lambda: run(inner()))
        return there, asyncio.current_task() is not None

    assert run(outer()) == (True, True)


def test_pieces_reach_the_waiting_loop_while_the_function_runs():
    seen = []

    async def outer():
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()

        def produce():
            for number in range(3):
                loop.call_soon_threadsafe(queue.put_nowait, number)
                inline.pump()
                seen.append(f"made {number}")

        task = loop.run_in_executor(None, produce)
        for _ in range(3):
            seen.append(f"got {await queue.get()}")
        await task

    run(outer())
    assert seen == ["got 0", "made 0", "got 1", "made 1", "got 2", "made 2"]


def test_what_a_function_raises_comes_back():
    def fail():
        raise ValueError("no")

    async def outer():
        await asyncio.get_running_loop().run_in_executor(None, fail)

    with pytest.raises(ValueError, match="no"):
        run(outer())


def test_an_executor_is_done_when_submit_returns():
    with inline.InlineExecutor(max_workers=4) as pool:
        future = pool.submit(pow, 2, 5)
        assert future.done() and future.result() == 32
        assert list(pool.map(str, [1, 2])) == ["1", "2"]
        assert concurrent.futures.wait([future]).not_done == set()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(print)
