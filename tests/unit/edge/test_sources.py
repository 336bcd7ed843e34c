"""Who is behind a connection: proxies that are trusted, and strangers who lie."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from edge.settings import Settings
from edge.sources import Sources
from services.common.settings import SettingsError, load
from tests.unit.edge.stand_ins import batch, http, running_edge

TRUSTED = ("10.0.0.0/8", "192.0.2.7", "fd00::/8")
PROXY, OTHER_PROXY, PROXY6 = "10.1.2.3", "192.0.2.7", "fd00::1"
VISITOR, STRANGER = "203.0.113.5", "198.51.100.9"


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        # Without a proxy: the peer, whatever it says.
        (VISITOR, [], VISITOR),
        (STRANGER, [VISITOR], STRANGER),
        (STRANGER, [f"{VISITOR}, {PROXY}"], STRANGER),
        ("::ffff:198.51.100.9", [VISITOR], STRANGER),
        ("192.0.2.8", [VISITOR], "192.0.2.8"),
        # Behind one, behind two.
        (PROXY, [VISITOR], VISITOR),
        (PROXY6, [VISITOR], VISITOR),
        ("::ffff:10.1.2.3", [VISITOR], VISITOR),
        (PROXY, [f"{VISITOR}, {OTHER_PROXY}"], VISITOR),
        (PROXY, [VISITOR, OTHER_PROXY], VISITOR),
        (PROXY, [f"  {VISITOR}  ,{PROXY6},{OTHER_PROXY} "], VISITOR),
        # The visitor sent a header too: what it says stands to the left.
        (PROXY, [f"{VISITOR}, {STRANGER}"], STRANGER),
        (PROXY, [f"{PROXY}, {STRANGER}, {OTHER_PROXY}"], STRANGER),
        (PROXY, [f"garbage, {STRANGER}"], STRANGER),
        (PROXY, [VISITOR, f"{STRANGER}"], STRANGER),
        # Nobody but proxies: the furthest.
        (PROXY, [OTHER_PROXY], OTHER_PROXY),
        (PROXY, [f"10.9.9.9, {OTHER_PROXY}"], "10.9.9.9"),
        # IPv6 counts by its network.
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        (PROXY, ["2001:DB8:1:2::9"], "2001:db8:1:2::/64"),
        (PROXY, ["2001:db8:1:3::9"], "2001:db8:1:3::/64"),
        (PROXY, ["::ffff:203.0.113.5"], VISITOR),
        (PROXY, ["fe80::1%eth0"], "fe80::/64"),
        # Ports, as some proxies write them.
        (PROXY, [f"{VISITOR}:4711"], VISITOR),
        (PROXY, ["[2001:db8:1:2::9]:443"], "2001:db8:1:2::/64"),
        (PROXY, ["[2001:db8:1:2::9]"], "2001:db8:1:2::/64"),
        # What is no address where one is needed: the peer's own.
        (PROXY, [], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, [","], PROXY),
        (PROXY, ["unknown"], PROXY),
        (PROXY, [f"{VISITOR}, unknown"], PROXY),
        (PROXY, [f"{VISITOR}, _hidden, {OTHER_PROXY}"], PROXY),
        (PROXY, ["203.0.113.999"], PROXY),
        (PROXY, ["203.0.113.5/24"], PROXY),
        (PROXY, ["0203.0.113.5"], PROXY),
        (PROXY, [f"{VISITOR}:port"], PROXY),
        (PROXY, [f"{VISITOR}:²"], PROXY),
        (PROXY, ["[2001:db8::1"], PROXY),
        (PROXY, ["[2001:db8::1]443"], PROXY),
        (PROXY, ["[]:1"], PROXY),
        (PROXY, ["3405803781"], PROXY),
        (PROXY, ["\x00"], PROXY),
        (PROXY, ["9" * 10_000], PROXY),
        # A local socket's name.
        ("", [VISITOR], ""),
        ("@edge", [VISITOR], "@edge"),
    ],
)
def test_source(peer: str, forwarded: list[str], source: str):
    assert Sources(TRUSTED).of(peer, forwarded) == source


def test_nobody_is_trusted_unless_named():
    sources = Sources(())
    assert sources.of("127.0.0.1", [VISITOR]) == "127.0.0.1"
    assert sources.unbelieved == 1
    sources.of("127.0.0.1", [])
    assert sources.unbelieved == 1
    believing = Sources(TRUSTED)
    believing.of(PROXY, [VISITOR])
    assert believing.unbelieved == 0


@pytest.mark.parametrize("cidr", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example", "::1/200"])
def test_a_network_that_is_none_is_refused_by_name(cidr: str):
    required = {"SIQ_MESH_SECRET": "s", "SIQ_STATE_URL": "u", "SIQ_LOG_URL": "u"}
    with pytest.raises(SettingsError, match="SIQ_TRUSTED_PROXIES is not usable: .*" + cidr):
        load(Settings, {**required, "SIQ_TRUSTED_PROXIES": f"127.0.0.1,{cidr}"})


@pytest.mark.parametrize(
    ("trusted", "refused"), [((), "429 429"), (("127.0.0.0/8",), "200 429")], ids=["no", "yes"]
)
async def test_batches_count_for_whom_a_trusted_proxy_names(trusted: Any, refused: str):
    async with (
        running_edge(trusted_proxies=trusted, frames_per_s_per_ip=2) as edge,
        http(edge) as ask,
    ):
        visitor, stranger = {"X-Forwarded-For": VISITOR}, {"X-Forwarded-For": STRANGER}
        await ask.post("/v1/batch", content=batch(frames=50), headers=visitor)
        answers = [
            await ask.post("/v1/batch", content=batch(frames=3), headers=headers)
            for headers in (stranger, visitor)
        ]
        assert " ".join(str(answer.status_code) for answer in answers) == refused


async def test_w67_an_address_that_a_visitor_claims_for_itself():
    async with running_edge(max_connections_per_ip=1) as edge:
        await edge.connect(**{"X-Forwarded-For": VISITOR})
        with pytest.raises(InvalidStatus) as raised:
            await edge.connect(**{"X-Forwarded-For": STRANGER})
        assert raised.value.response.status_code == 429


async def test_sockets_count_for_whom_a_trusted_proxy_names():
    async with running_edge(max_connections_per_ip=1, trusted_proxies=("127.0.0.1",)) as edge:
        await edge.connect(**{"X-Forwarded-For": VISITOR})
        await edge.connect(**{"X-Forwarded-For": STRANGER})
        with pytest.raises(InvalidStatus):
            await edge.connect(**{"X-Forwarded-For": f"{STRANGER}, {VISITOR}"})
