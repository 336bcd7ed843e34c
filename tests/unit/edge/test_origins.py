"""The origin check, against the forms that have opened other people's."""

from __future__ import annotations

import json

import pytest
from nacl.public import PrivateKey

from edge.effects import Admit, Hang
from edge.protocol import Close
from edge.seal import Sealer
from edge.session import Session
from edge.streams import StreamMemory
from edge.tenants import Grant, origin_allowed
from edge.tokens import ResumeTokens

ALLOWED = ("https://shop.example", "https://kiosk.example:8443", "http://xn--bcher-kva.example")
HOSTILE = [
    # No origin, or none that names a site.
    None,
    "",
    " ",
    "null",
    "NULL",
    "*",
    "undefined",
    "file://",
    "about:blank",
    "data:text/html,x",
    "blob:https://shop.example/0c6f",
    "chrome-extension://abcdefghijklmnop",
    "filesystem:https://shop.example",
    # Ours as a part of theirs.
    "https://shop.example.evil.example",
    "https://shop.example.evil",
    "https://shop.examplee",
    "https://evilshop.example",
    "https://evil-shop.example",
    "https://shop.example-evil.example",
    "https://shop.exampl",
    "https://hop.example",
    "https://example",
    "https://sub.shop.example",
    "https://www.shop.example",
    "https://evil.example/https://shop.example",
    "https://evil.example?https://shop.example",
    "https://evil.example#https://shop.example",
    "https://evil.example,https://shop.example",
    "https://shop.example,https://evil.example",
    "https://shop.example https://evil.example",
    "https://evil.example https://shop.example",
    # User info, as parsers disagree about it.
    "https://shop.example@evil.example",
    "https://evil.example@shop.example",
    "https://shop.example:443@evil.example",
    "https://shop.example\\@evil.example",
    "https://shop.example%2f@evil.example",
    # Another scheme or port.
    "http://shop.example",
    "wss://shop.example",
    "ftp://shop.example",
    "//shop.example",
    "shop.example",
    "https:shop.example",
    "https:/shop.example",
    "https:///shop.example",
    "https://shop.example:80",
    "https://shop.example:8443",
    "https://shop.example:0443",
    "https://shop.example:",
    "https://kiosk.example",
    "https://kiosk.example:443",
    "https://kiosk.example:84430",
    # What no browser sends: paths, dots, spaces, case.
    "https://shop.example/",
    "https://shop.example/.",
    "https://shop.example?",
    "https://shop.example#",
    "https://shop.example.",
    "https://.shop.example",
    "https://shop..example",
    " https://shop.example",
    "https://shop.example ",
    "https://shop.example\t",
    "https://shop.example\r\nX: y",
    "https://shop.example\x00",
    "https://shop.example\x00.evil.example",
    "HTTPS://shop.example",
    "https://SHOP.EXAMPLE",
    "https://Shop.Example",
    # Letters that look alike, or become alike when somebody lowers or normalizes them.
    "https://\u212aiosk.example:8443",  # KELVIN SIGN lowers to k
    "https://\u017fhop.example",  # LONG S folds to s
    "https://\uff53hop.example",  # FULLWIDTH S normalizes to s
    "https://sh\u043ep.example",  # CYRILLIC O
    "https://shop\u3002example",  # IDEOGRAPHIC FULL STOP is a dot to IDNA
    "https://shop\u2024example",  # ONE DOT LEADER normalizes to one
    "https://sho\u00adp.example",  # SOFT HYPHEN is dropped
    "https://shop\u200b.example",  # ZERO WIDTH SPACE
    "https://shop.example\u2215evil.example",  # DIVISION SLASH
    "https://xn--shp-0ed.example",
    "http://b\u00fccher.example",  # the origin's own name, as no browser sends it
    "http://b\u00c3\u00bccher.example",  # and as a header is decoded
    "https://%73hop.example",
    "https://127.0.0.1",
    "https://[::1]",
]


def close_code(origin: str | None) -> int | None:
    """How a session with a good key answers a hello from the origin."""
    sealer = Sealer(bytes(PrivateKey.generate().public_key))
    session = Session(
        memory=StreamMemory(), resume=ResumeTokens("secret"), sealer=sealer, origin=origin
    )
    hello = {"type": "hello", "key": "pk_test", "stream": "p1"}
    (admit,) = session.receive(json.dumps(hello), 0.0)
    assert isinstance(admit, Admit)
    grant = Grant("acme", ALLOWED, {}, emotions_to_page=False)
    effects = session.admit(admit.hello, grant, 0.0)
    return next((effect.code for effect in effects if isinstance(effect, Hang)), None)


def test_w17_hostile_origins_are_refused():
    assert len(HOSTILE) == len(set(HOSTILE)) >= 50
    assert [origin for origin in HOSTILE if close_code(origin) != Close.KEY_OR_ORIGIN] == []


@pytest.mark.parametrize("origin", ALLOWED)
def test_the_origins_of_the_key_are_let_in(origin: str):
    assert close_code(origin) is None


@pytest.mark.parametrize("origin", [None, "null", "https://any.example"])
def test_a_star_lets_everybody_in(origin: str | None):
    assert origin_allowed(origin, ("*",))
