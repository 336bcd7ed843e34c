"""Which URLs of customers may be called."""

from __future__ import annotations

import ipaddress

import pytest

from services.common.guard import Guard, RefusedUrl, UnresolvedUrl, destination_of, is_public

PRIVATE = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://10.0.0.1/",
    "https://10.255.255.255:8443/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[3fff::1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[fd00:ec2::254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:c0a8:101::]/",
    "https://025177524776/",
    "https://169.254.169.254./",
    "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "https://127\u30020\u30020\u30021/",
    "https://127.0.0.1#@93.184.215.14/",
    "https://127.0.0.1?@93.184.215.14/",
]
MALFORMED = [
    "",
    "siq.test",
    "//siq.test/",
    "http://93.184.215.14/",
    "ftp://93.184.215.14/",
    "file:///etc/passwd",
    "gopher://93.184.215.14/",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "https://user@93.184.215.14/",
    "https://user:pass@93.184.215.14/",
    "https://93.184.215.14@127.0.0.1/",
    "https://93.184.215.14:0/",
    "https://93.184.215.14:99999/",
    "https://93.184.215.14:x/",
    "https://93.184.215.14 /",
    "https://93.184.215.14\\@127.0.0.1/",
    "https://93.184.215.14/\r\nHost: x",
    "https://93.184.215.14/\x00",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
    "https://127.0.0.1%2f@93.184.215.14/",
]


@pytest.mark.parametrize("url", PRIVATE)
async def test_private_address_is_refused(url: str) -> None:
    # Some forms are no name to some resolvers; either way nothing is called.
    with pytest.raises((RefusedUrl, UnresolvedUrl)):
        await Guard().check(url)


@pytest.mark.parametrize("url", MALFORMED)
async def test_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(RefusedUrl):
        await Guard().check(url)


async def test_public_address_is_pinned() -> None:
    target = await Guard().check("https://93.184.215.14/hook?a=1#part")
    assert target.url == "https://93.184.215.14:443/hook?a=1"
    assert (target.host_header, target.tls_name) == ("93.184.215.14", "93.184.215.14")


async def test_public_ipv6_address_is_pinned() -> None:
    target = await Guard().check("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443/x")
    assert target.url == "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443/x"
    assert target.host_header == "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443"


async def test_listed_private_host_passes_at_its_port_only() -> None:
    guard = Guard(("127.0.0.1:8099",))
    target = await guard.check("http://127.0.0.1:8099/slack/x")
    assert target.url == "http://127.0.0.1:8099/slack/x"
    for url in ("http://127.0.0.1:8090/", "http://localhost:8099/", "http://127.0.0.2:8099/"):
        with pytest.raises(RefusedUrl):
            await guard.check(url)


async def test_the_refusal_names_the_mend() -> None:
    with pytest.raises(RefusedUrl, match=r"list 127\.0\.0\.1:443 in SIQ_ALLOWED_PRIVATE_HOSTS"):
        await Guard().check("https://127.0.0.1/")


def test_public_addresses_are_public() -> None:
    for address in ("8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001::1"):
        assert is_public(ipaddress.ip_address(address))


def test_destination_is_host_and_port() -> None:
    assert destination_of("https://hooks.example/x") == "hooks.example:443"
    assert destination_of("http://127.0.0.1:8099/x") == "127.0.0.1:8099"
    assert destination_of("nonsense") == "invalid"
