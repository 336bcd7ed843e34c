"""Bad frames and hellos, and the answer of each: the socket and /v1/batch must agree on them."""

from __future__ import annotations

from typing import Any

from tests.integration.bad_input.world import DEEP, FOREIGN_ORIGIN, ORIGIN, events

# Row: what differs from a good hello, the origin, the answer.
HELLOS: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "W01": ({"key": "pk_test_nobody"}, ORIGIN, "4401"),
    "W02": ({}, FOREIGN_ORIGIN, "4401"),
    "W03": ({}, "null", "4401"),
    "W04": ({}, None, "4401"),
    "W07": ({"stream": ""}, ORIGIN, "bad_message"),
    "W08": ({"clock": -1}, ORIGIN, "bad_message"),
}

# Row: the frame, the answer.
FRAMES: dict[str, tuple[Any, str]] = {
    "W20": ("nonsense", "bad_message"),
    "W21": ("[1, 2]", "bad_message"),
    "W22": (b"\x00\x01", "bad_message"),
    "W23": (DEEP, "bad_message"),
    "W24": ('{"type": "events", "seq": 1, "t0": 1, "events": ' + DEEP + "}", "bad_message"),
    "W25": (events(1, page="x" * (64 * 1024 + 1)), "1009"),
    "W26": (events(1, *[[2, 0, 1, 1]] * 501), "4413"),
    "W27": (events(1, [2, -5, 1, 1]), "bad_dt"),
    "W28": (events(1, [2, 0, "x", 1]), "bad_number"),
    "W29": ('{"type":"events","seq":1,"t0":1,"events":[[2,0,NaN,1]]}', "bad_message"),
    "W30": (events(1, [2, 0, 1e308, 1]), "bad_number"),
    "W31": (events(1, [3, 0, 1, 1, 77]), "bad_target"),
    "W32": (events(1, [13, 0, "s" * 513]), "bad_string"),
    "W33": (events(1, [21, 0, "name", {f"key{n}": "value" for n in range(300)}]), "bad_string"),
    "W34": (events(1, [2, 0]), "bad_arity"),
    "W35": (events(0), "bad_message"),
    "W36": (events(-3), "bad_message"),
    "W37": (events("one"), "bad_message"),
    "W38": ({"type": "hello", "key": "k", "stream": "p"}, "bad_message"),
    "W39": ({"type": "outcome", "seq": 1, "intervention": "i", "kind": "loved"}, "bad_kind"),
    "W40": ({"type": "identify", "seq": 1, "email": 7}, "bad_message"),
    "W41": ({"type": "consent", "seq": 1, "analytics": "maybe"}, "bad_message"),
    "W42": (events(1, [2, 0, 1, 1], targets=[[5000, "a", 0]]), "bad_message"),
    "W43": (events(1, t0=-1), "bad_message"),
    "W44": ('{"type":"events","seq":1,"t0":1,"events":[[2,0,-Infinity,1]]}', "bad_message"),
    "W45": ('{"type":"events","seq":1,"t0":1,"events":[[2,0,1e999,1]]}', "bad_message"),
    "W46": ('{"type":"events","seq":1,"t0":1e999,"events":[[2,0,1,1]]}', "bad_message"),
    "W47": (events(10**30), "bad_message"),
    "W68": (events(1, t0=1e15), "bad_time"),
    "W69": (events(2**32), "bad_message"),
}


def spends_seq(answer: str) -> bool:
    """Whether a refusal spends the frame's seq: it was of the protocol, but not to be had."""
    return answer.startswith("bad_") and answer != "bad_message"
