"""WebSocket frames as nearly every client sends them: whole, masked, final."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


cdef enum:
    FINAL_TEXT = 0x81       # FIN, no reserved bit, opcode 1
    FINAL_PING = 0x89
    FINAL_PONG = 0x8A
    MASKED = 0x80
    IN_TWO_BYTES = 126
    IN_EIGHT_BYTES = 127
    MASK = 4                # bytes
    MOST_CONTROL = 125      # bytes of a control frame's payload
    ON_STACK = 4096


cdef void unmask(
    uint8_t* out, const uint8_t* data, Py_ssize_t length, const uint8_t* mask
) noexcept nogil:
    """Undo the client's masking of data[0:length]."""
    cdef uint32_t key
    cdef uint64_t wide, word
    cdef Py_ssize_t at = 0
    memcpy(&key, mask, MASK)
    wide = <uint64_t>key << 32 | key
    while at + 8 <= length:
        memcpy(&word, data + at, 8)
        word ^= wide
        memcpy(out + at, &word, 8)
        at += 8
    while at < length:
        out[at] = data[at] ^ mask[at & 3]
        at += 1


cdef object unmasked_text(const uint8_t* data, Py_ssize_t length, const uint8_t* mask):
    """The payload as str.

    Raises:
        UnicodeDecodeError: it is none.
    """
    cdef uint8_t near[ON_STACK]
    cdef uint8_t* out = near
    if length > ON_STACK:
        out = <uint8_t*>PyMem_Malloc(length)
        if out == NULL:
            raise MemoryError()
    try:
        unmask(out, data, length, mask)
        return PyUnicode_DecodeUTF8(<const char*>out, length, NULL)
    finally:
        if out != near:
            PyMem_Free(out)


cdef bytes unmasked(const uint8_t* data, Py_ssize_t length, const uint8_t* mask):
    """The payload as bytes."""
    payload = PyBytes_FromStringAndSize(NULL, length)
    unmask(<uint8_t*>PyBytes_AS_STRING(payload), data, length, mask)
    return payload


def read_frames(bytes data not None, Py_ssize_t limit):
    """Read the frames at the beginning of what a client sent; see websocket.pyi."""
    cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef Py_ssize_t at = 0, head, length
    cdef uint8_t kind
    cdef list messages = []
    while size - at >= 2:
        kind = start[at]
        length = start[at + 1] & 0x7F
        head = 2
        if not start[at + 1] & MASKED or kind not in (FINAL_TEXT, FINAL_PING, FINAL_PONG):
            return messages, at, True
        if length == IN_EIGHT_BYTES or (kind != FINAL_TEXT and length > MOST_CONTROL):
            return messages, at, True
        if length == IN_TWO_BYTES:
            if size - at < 4:
                break
            length = start[at + 2] << 8 | start[at + 3]
            head = 4
        if length > limit:
            return messages, at, True
        if size - at < head + MASK + length:
            break
        if kind == FINAL_TEXT:
            try:
                messages.append(
                    unmasked_text(start + at + head + MASK, length, start + at + head)
                )
            except UnicodeDecodeError:
                return messages, at, True
        elif kind == FINAL_PING:
            messages.append(unmasked(start + at + head + MASK, length, start + at + head))
        else:
            messages.append(None)
        at += head + MASK + length
    return messages, at, False


cdef bytes framed(uint8_t kind, const char* payload, Py_ssize_t length):
    cdef Py_ssize_t head = 2 if length < IN_TWO_BYTES else 4 if length < 1 << 16 else 10
    cdef Py_ssize_t i
    frame = PyBytes_FromStringAndSize(NULL, head + length)
    cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(frame)
    out[0] = kind
    if head == 2:
        out[1] = <uint8_t>length
    else:
        out[1] = IN_TWO_BYTES if head == 4 else IN_EIGHT_BYTES
        for i in range(head - 2):
            out[2 + i] = <uint8_t>(<uint64_t>length >> 8 * (head - 3 - i))
    memcpy(out + head, payload, length)
    return frame


def text_frame(str text not None):
    """Frame a server's text message, whole; see websocket.pyi."""
    cdef Py_ssize_t length
    cdef const char* payload = PyUnicode_AsUTF8AndSize(text, &length)
    return framed(FINAL_TEXT, payload, length)


def ack_frame(uint32_t seq):
    """Frame the one message that is sent often enough to be written by hand; see websocket.pyi."""
    cdef char text[40]
    cdef int length = snprintf(text, 40, b'{"type":"ack","seq":%lu}', <unsigned long>seq)
    return framed(FINAL_TEXT, text, length)


def pong_frame(bytes payload not None):
    """Frame the answer to a ping; see websocket.pyi."""
    return framed(FINAL_PONG, PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
