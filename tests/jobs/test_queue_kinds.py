"""A queue that cannot be opened here says what to do."""

import importlib.util

import pytest

from portal.jobs import queue


def test_a_redis_without_its_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(queue, "find_spec", lambda name: None if name == "redis" else found(name))

    with pytest.raises(queue.MissingQueue, match="the package “redis” is not installed"):
        queue.queue_at("redis://127.0.0.1:1/0")


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(ValueError, match="has to begin with"):
        queue.queue_at("amqp://127.0.0.1/")
