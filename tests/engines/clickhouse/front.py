"""ClickHouse's native protocol in front of chDB: today's dialect, over the wire.

No package brings a server of today, and Debian's knows none of the schema. What the driver sends
and takes is one of the two things that a server would have of its own; the other is the engine, and
that is the same here. Blocks go through as bytes: the engine's own Native format is the protocol's,
but for a byte of each column. Run as `python -m tests.engines.clickhouse.front FOLDER PORT`, it can
be killed like a server.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

_chdb: Any = import_module("chdb.session")
_reading: Any = import_module("clickhouse_driver.bufferedreader")
_reader: Any = import_module("clickhouse_driver.reader")
_varint: Any = import_module("clickhouse_driver.varint")
_columns: Any = import_module("clickhouse_driver.columns.service")
_block: Any = import_module("clickhouse_driver.block")

# The oldest that binds parameters: what came later adds nothing that is used here.
REVISION = 54459
_HELLO, _QUERY, _DATA, _CANCEL, _PING = range(5)
_OUT_HELLO, _OUT_DATA, _OUT_EXCEPTION, _, _OUT_PONG, _OUT_END = range(6)
_OUT_EVENTS = 14
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}
# What a column is read with: by what the driver takes for types, whose bytes alone are wanted.
_CONTEXT = SimpleNamespace(
    settings={},
    client_settings={
        "strings_as_bytes": True,
        "strings_encoding": "utf-8",
        "use_numpy": False,
        "use_arrow": False,
        "input_format_null_as_default": False,
        "namedtuple_as_json": True,
    },
    server_info=SimpleNamespace(get_timezone=lambda: "UTC", used_revision=REVISION),
)


class _Recorder(_reading.BufferedSocketReader):
    """Keeps what was read, so that a block can be passed on as the bytes that it is."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock, 1 << 20)
        self.past = bytearray()

    def read_into_buffer(self) -> None:
        self.past += self.buffer[: self.current_buffer_size]
        super().read_into_buffer()

    def taken(self) -> int:
        return len(self.past) + int(self.position)

    def since(self, place: int) -> bytes:
        return bytes((self.past + self.buffer[: self.position])[place:])

    def forget(self) -> None:
        """Between packets; the rest of the buffer stays."""
        self.past = bytearray()


class _Bytes(_reading.BufferedReader):
    """A block that is in memory."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self.buffer, self.current_buffer_size, self.position = bytearray(data), len(data), 0

    def read_into_buffer(self) -> None:
        raise EOFError

    def taken(self) -> int:
        return int(self.position)

    def since(self, place: int) -> bytes:
        return bytes(self.buffer[place : self.position])


class _Sink:
    """What the driver's writers write to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    def number(self, value: int) -> None:
        _varint.write_varint(value, self)

    def text(self, value: bytes) -> None:
        self.number(len(value))
        self.data += value


def _turned(source: Any, *, from_wire: bool) -> tuple[bytes, int]:
    """A block in the other form, and its rows: on the wire each column has one byte more."""
    sink = _Sink()
    columns, rows = _reader.read_varint(source), _reader.read_varint(source)
    sink.number(columns)
    sink.number(rows)
    for _ in range(columns):
        name, kind = (_reader.read_binary_str(source) for _ in range(2))
        sink.text(name.encode())
        sink.text(kind.encode())
        if from_wire:
            assert _reader.read_binary_uint8(source) == 0, "a sparse column"
        else:
            sink.write(b"\0")
        place = source.taken()
        if rows:
            _columns.read_column(_CONTEXT, kind, rows, source)
        sink.write(source.since(place))
    return bytes(sink.data), rows


def _listed(settings: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


def _dumped(value: str) -> str:
    """What stands in a value that was written as SQL writes a string."""
    return _ESCAPED.sub(lambda found: _MEANING.get(found[1], found[1]), value[1:-1])


class _Client(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in = _Recorder(self.request)
        # A session a connection, as the embedded adapter has one a thread.
        self._session = _chdb.Session(str(cast("Front", self.server).folder))
        try:
            while True:
                self._in.forget()
                self._packet(_reader.read_varint(self._in))
        except (EOFError, OSError):
            pass
        finally:
            self._session.close()

    def _packet(self, kind: int) -> None:
        if kind == _HELLO:
            self._hello()
        elif kind == _PING:
            self._send(_varint_of(_OUT_PONG))
        elif kind == _QUERY:
            self._query()
        elif kind != _CANCEL:
            raise OSError(f"packet {kind}")

    def _hello(self) -> None:
        self._text()
        for _ in range(3):
            _reader.read_varint(self._in)
        for _ in range(3):
            self._text()
        out = _Sink()
        out.number(_OUT_HELLO)
        out.text(b"ClickHouse")
        for number in (26, 9, REVISION):
            out.number(number)
        out.text(b"UTC")
        out.text(b"front")
        out.number(1)
        self._send(bytes(out.data))
        self._text()  # the addendum

    def _query(self) -> None:
        self._text()
        self._client_info()
        settings = self._settings()
        self._text()  # of other servers
        for _ in range(2):
            _reader.read_varint(self._in)
        sql = self._text()
        parameters = {name: _dumped(value) for name, value in self._settings().items()}
        self._block()  # none of the external tables
        try:
            if sql.startswith("INSERT") and sql.endswith("VALUES"):
                self._insert(sql, settings)
            else:
                self._answer(sql, parameters, settings)
        except RuntimeError as error:
            self._refuse(str(error))

    def _client_info(self) -> None:
        _reader.read_binary_uint8(self._in)
        for _ in range(3):
            self._text()
        _reader.read_binary_uint64(self._in)
        _reader.read_binary_uint8(self._in)
        for _ in range(3):
            self._text()
        for _ in range(3):
            _reader.read_varint(self._in)
        self._text()
        for _ in range(2):
            _reader.read_varint(self._in)
        assert _reader.read_binary_uint8(self._in) == 0, "a trace"
        for _ in range(3):
            _reader.read_varint(self._in)

    def _settings(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while name := self._text():
            _reader.read_binary_uint8(self._in)
            found[name] = self._text()
        return found

    def _block(self) -> tuple[bytes, int]:
        assert _reader.read_varint(self._in) == _DATA
        self._text()
        _block.BlockInfo().read(self._in)
        return _turned(self._in, from_wire=True)

    def _answer(self, sql: str, parameters: dict[str, str], settings: dict[str, str]) -> None:
        if settings:
            sql += f"\nSETTINGS {_listed(settings)}"
        data = bytes(self._session.query(sql, "Native", params=parameters).bytes())
        out = b""
        if not data and sql.lstrip().startswith(("SELECT", "WITH", "--")):
            # A server sends the columns in any case; the format has nothing to write them with.
            described = self._session.query(f"DESCRIBE (\n{sql}\n)", "JSON", params=parameters)
            out = _data(_columns_of(str(described)))
        source = _Bytes(data)
        while source.taken() < len(data):
            out += _data(_turned(source, from_wire=False)[0])
        self._send(out + _varint_of(_OUT_END))

    def _insert(self, sql: str, settings: dict[str, str]) -> None:
        into = sql.removesuffix("VALUES").strip()
        table, _, names = into.removeprefix("INSERT INTO ").partition(" ")
        described = self._session.query(
            f"DESCRIBE (SELECT {names.strip('()')} FROM {table})", "JSON"
        )
        self._send(_data(_columns_of(str(described))))
        blocks: list[bytes] = []
        while True:
            block, rows = self._block()
            self._in.forget()
            self._send(_data(b"\0\0", _OUT_EVENTS))
            if not rows:
                break
            blocks.append(block)
        insert = self._session.send_insert(f"{into} SETTINGS {_listed(settings)}", "Native")
        with insert:
            for block in blocks:
                insert.append(memoryview(block))
            insert.finish()
        self._send(_varint_of(_OUT_END))

    def _refuse(self, message: str) -> None:
        code = re.search(r"Code: (\d+)\.", message)
        out = _Sink()
        out.number(_OUT_EXCEPTION)
        out.write(int(code[1] if code else 1001).to_bytes(4, "little"))
        for text in ("DB::Exception", message, "of the front"):
            out.text(text.encode())
        self._send(bytes(out.data) + b"\0")

    def _text(self) -> str:
        return str(_reader.read_binary_str(self._in))

    def _send(self, data: bytes) -> None:
        self.request.sendall(data)


def _varint_of(value: int) -> bytes:
    sink = _Sink()
    sink.number(value)
    return bytes(sink.data)


def _columns_of(described: str) -> bytes:
    """A block without rows."""
    rows = json.loads(described)["data"]
    out = _Sink()
    out.number(len(rows))
    out.number(0)
    for row in rows:
        out.text(row["name"].encode())
        out.text(row["type"].encode())
        out.write(b"\0")
    return bytes(out.data)


def _data(block: bytes, kind: int = _OUT_DATA) -> bytes:
    out = _Sink()
    out.number(kind)
    out.text(b"")
    _block.BlockInfo().write(out)
    return bytes(out.data) + block


class Front(socketserver.ThreadingTCPServer):
    """Serves a folder of chDB."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        # Open as long as the server is: chDB lets go of the folder with the last session.
        self._kept = _chdb.Session(str(folder))
        super().__init__(("127.0.0.1", port), _Client)


if __name__ == "__main__":
    Front(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()
