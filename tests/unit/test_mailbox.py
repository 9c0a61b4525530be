"""How threads talk: the newest value of each key, and events that are never merged; both bounded."""

from __future__ import annotations

import threading

from vpengine.mailbox import Newest, Triggers


def test_the_newest_of_each_key_wins_and_the_rest_is_counted() -> None:
    box: Newest[str, int] = Newest()
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("a", 4)):
        assert box.put(key, value)
    assert box.overwritten == 2
    taken = box.take()
    assert list(taken.items()) == [("a", 4), ("b", 2)]  # in order of first arrival
    assert box.take() == {}
    box.put("a", 5)
    assert box.overwritten == 2  # what was taken is not overwritten
    assert taken == {"a": 4, "b": 2}  # nor does a later put reach what was taken


def test_newest_is_bounded_by_keys_not_by_puts() -> None:
    box: Newest[int, int] = Newest(capacity=2)
    assert box.put(1, 0)
    assert box.put(2, 0)
    assert not box.put(3, 0)
    assert box.put(1, 9)  # a key that is there can always be renewed
    assert box.refused == 1
    assert box.take() == {1: 9, 2: 0}
    assert box.put(3, 0)  # there is room again


def test_triggers_keep_order_and_repetitions() -> None:
    queue: Triggers[str] = Triggers()
    for event in ("next", "next", "safe", "next"):
        assert queue.put(event)
    assert queue.take() == ("next", "next", "safe", "next")
    assert queue.take() == ()


def test_a_full_queue_refuses_the_newest() -> None:
    queue: Triggers[int] = Triggers(capacity=3)
    assert [queue.put(i) for i in range(5)] == [True, True, True, False, False]
    assert queue.refused == 2
    assert queue.take() == (0, 1, 2)
    assert queue.put(6)


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_newest_under_many_threads() -> None:
    """Every put is either taken or counted, each key's values come in order, and the last one is not lost."""
    box: Newest[int, int] = Newest()
    puts, writers = 4000, 4
    threads = [threading.Thread(target=lambda k=k: [box.put(k, i) for i in range(puts)]) for k in range(writers)]
    seen: dict[int, list[int]] = {k: [] for k in range(writers)}
    done = threading.Event()

    def read() -> None:
        while True:
            last = done.is_set()
            for key, value in box.take().items():
                seen[key].append(value)
            if last:
                return

    reader = threading.Thread(target=read)
    reader.start()
    run_all(threads)
    done.set()
    reader.join()
    assert all(values == sorted(set(values)) and values[-1] == puts - 1 for values in seen.values())
    assert sum(map(len, seen.values())) + box.overwritten == puts * writers


def test_triggers_under_many_threads() -> None:
    """None is lost, none doubled, and each writer's keep their order."""
    queue: Triggers[tuple[int, int]] = Triggers(capacity=100_000)
    puts, writers = 3000, 4
    taken: list[tuple[int, int]] = []
    threads = [threading.Thread(target=lambda k=k: [queue.put((k, i)) for i in range(puts)]) for k in range(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += queue.take()
    taken += queue.take()
    for writer in range(writers):
        assert [i for k, i in taken if k == writer] == list(range(puts))
    assert queue.refused == 0
