"""How threads talk: the newest value of each key, and an inbox that keeps events and order; both bounded."""

from __future__ import annotations

import threading

from vpengine.mailbox import Inbox, Newest


def test_the_newest_of_each_key_wins() -> None:
    box: Newest[str, int] = Newest()
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("a", 4)):
        assert box.put(key, value)
    taken = box.take()
    assert list(taken.items()) == [("a", 4), ("b", 2)]  # in order of first arrival
    assert box.take() == {}
    box.put("a", 5)
    assert taken == {"a": 4, "b": 2}  # a later put does not reach what was taken


def test_newest_is_bounded_by_keys_not_by_puts() -> None:
    box: Newest[int, int] = Newest(capacity=2)
    assert box.put(1, 0)
    assert box.put(2, 0)
    assert not box.put(3, 0)
    assert box.put(1, 9)  # a key that is there can always be renewed
    assert box.refused == 1
    assert box.take() == {1: 9, 2: 0}
    assert box.put(3, 0)  # there is room again


def test_an_inbox_keeps_events_and_their_order() -> None:
    inbox: Inbox[str, str] = Inbox()
    for event in ("next", "next", "safe", "next"):
        assert inbox.add(event)
    assert inbox.take() == ("next", "next", "safe", "next")
    assert inbox.take() == ()


def test_an_inbox_keeps_the_newest_of_a_key_in_the_place_where_that_came() -> None:
    inbox: Inbox[str, str] = Inbox()
    for key, message in (("a", "a 1"), ("b", "b 1"), ("", "go"), ("a", "a 2"), ("", "go"), ("c", "c 1"), ("a", "a 3")):
        assert inbox.renew(key, message) if key else inbox.add(message)
    assert inbox.take() == ("a 1", "b 1", "go", "a 2", "go", "c 1", "a 3")
    assert inbox.take() == ()


def test_what_came_before_an_event_is_not_replaced_by_what_comes_after_it() -> None:
    inbox: Inbox[str, str] = Inbox()
    for message in ("snow 1", "snow 2", "record 1", "snow 3", "snow 4", "record 2", "record 3", "snow 5"):
        assert inbox.renew("snow", message) if message.startswith("snow") else inbox.add(message)
    assert inbox.take() == ("snow 2", "record 1", "snow 4", "record 2", "record 3", "snow 5")
    inbox.renew("snow", "snow 6")
    assert inbox.take() == ("snow 6",)


def test_a_flood_of_moves_between_events_is_bounded_and_keeps_no_other_key_out() -> None:
    inbox: Inbox[str, str] = Inbox(most_keys=8, most_events=100)
    for number in range(50):
        assert inbox.add(f"go {number}")
        assert all(inbox.renew(key, f"{key} {number}") for key in ("snow", "fog"))
    assert all(inbox.renew(key, key) for key in ("safe", "pick"))
    taken = inbox.take()
    assert inbox.refused == 0
    assert taken[-4:] == ("snow 49", "fog 49", "safe", "pick")  # the newest of each is there, and last
    assert [each for each in taken if each.startswith("go")] == [f"go {number}" for number in range(50)]
    assert len(taken) - 50 <= 8


def test_a_full_inbox_refuses_the_newest_of_each_sort() -> None:
    inbox: Inbox[int, str] = Inbox(most_keys=2, most_events=3)
    assert [inbox.add(f"event {i}") for i in range(5)] == [True, True, True, False, False]
    assert [inbox.renew(key, f"key {key}") for key in (1, 2, 3, 1)] == [True, True, False, True]
    assert inbox.refused == 3
    assert inbox.take() == ("event 0", "event 1", "event 2", "key 2", "key 1")
    assert inbox.add("event 6")  # there is room again
    assert inbox.renew(3, "key 3")


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_newest_under_many_threads() -> None:
    """Each key's values come in order and once, and the last one is not lost."""
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


def test_an_inbox_under_many_threads() -> None:
    """No event is lost or doubled; each writer's events and values come in the order in which it put them."""
    inbox: Inbox[int, tuple[str, int, int]] = Inbox(most_events=100_000)
    puts, writers = 3000, 4
    taken: list[tuple[str, int, int]] = []

    def write(writer: int) -> None:
        for i in range(puts):
            inbox.add(("event", writer, i))
            inbox.renew(writer, ("value", writer, i))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += inbox.take()
    taken += inbox.take()
    for writer in range(writers):
        own = [(i, kind) for kind, by, i in taken if by == writer]
        assert own == sorted(own)  # each value after its event, and before the next
        assert [i for i, kind in own if kind == "event"] == list(range(puts))
        assert own[-1] == (puts - 1, "value")
    assert inbox.refused == 0
