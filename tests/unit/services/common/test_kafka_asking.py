"""Offsets of Kafka while a leader changes, which real brokers do not do on demand."""

from __future__ import annotations

from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from services.common.log.kafka.asking import END, offsets
from services.common.log.port import LogUnavailable


class Answers:
    """A consumer that gives these answers, one after the other."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)

    def offsets_for_times(self, places: list[TopicPartition], timeout: float) -> Any:
        if self.errors:
            raise KafkaException(KafkaError(self.errors.pop(0)))
        return [TopicPartition(place.topic, place.partition, 7) for place in places]


def ask(answers: Answers) -> dict[int, int]:
    return offsets(cast(Consumer, answers), "outcome.v1", [3, 4], END)


def test_a_leader_that_started_anew_is_asked_again() -> None:
    answers = Answers(KafkaError.FENCED_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION)
    assert ask(answers) == {3: 7, 4: 7}


def test_any_other_error_is_told_at_once() -> None:
    answers = Answers(KafkaError._TIMED_OUT, KafkaError._TIMED_OUT)
    with pytest.raises(LogUnavailable):
        ask(answers)
    assert len(answers.errors) == 1
