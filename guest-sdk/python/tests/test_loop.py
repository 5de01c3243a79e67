import asyncio

import pytest

from kellion import loop


def test_coroutines_run_side_by_side():
    async def pause(n):
        await asyncio.sleep(0.001 * n)
        return n

    async def both():
        return await asyncio.gather(pause(2), pause(1))

    assert loop.run(both()) == [2, 1]


def test_tasks_and_locks_go_on_in_the_next_turn():
    done = []
    queue = asyncio.Queue()

    async def first():
        async def wait():
            done.append(await queue.get())

        done.append(asyncio.create_task(wait()))
        await asyncio.sleep(0)

    async def second():
        await queue.put("late")
        await done[0]

    loop.run(first())
    loop.run(second())
    assert done[1] == "late"


def test_a_coroutine_runs_inside_blocking_code_inside_a_coroutine():
    async def inner():
        await asyncio.sleep(0)
        return "inner"

    async def outer():
        task = asyncio.current_task()
        found = loop.run(inner())
        assert asyncio.current_task() is task
        await asyncio.sleep(0)
        return found

    assert loop.run(outer()) == "inner"


def test_functions_for_threads_run_in_the_only_one():
    async def turn():
        return await asyncio.to_thread(sum, [1, 2])

    assert loop.run(turn()) == 3


def test_what_waits_for_nothing_is_a_deadlock_and_no_endless_wait():
    async def forever():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="deadlock"):
        loop.run(forever())


def test_an_asynchronous_generator_is_closed_when_it_is_left():
    closed = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    pieces = loop.iterate(numbers())
    assert next(pieces) == 1
    pieces.close()
    assert closed == [True]
