"""Batches: one BehaviorBatch written in protobuf's encoding, without an object of protobuf's."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from hotpath.varint cimport field_size, put_field, put_varint, varint_size


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


# First byte of each field: its number and wire type, all below 128.
cdef enum:
    TENANT = 0x0A
    SESSION = 0x12
    STREAM = 0x1A
    SEQ = 0x20
    T0 = 0x28
    PAGE = 0x32
    POINTER = 0x38
    COUNT = 0x40
    COLUMNS = 0x4A
    TARGET = 0x52
    STRING = 0x5A
    RECEIVED = 0x60
    DESCRIPTOR = 0x0A
    FLAGS = 0x10


cdef inline Py_ssize_t number_size(uint64_t value) noexcept nogil:
    return 1 + varint_size(value) if value else 0


cdef inline uint8_t* put_number(uint8_t* out, uint8_t tag, uint64_t value) noexcept nogil:
    if value == 0:
        return out
    out[0] = tag
    return put_varint(out + 1, value)


cdef Py_ssize_t text_size(object text) except -1:
    """Bytes of a text in UTF-8, which the text keeps with itself from now on."""
    cdef Py_ssize_t length
    PyUnicode_AsUTF8AndSize(text, &length)
    return length


cdef uint8_t* put_text(uint8_t* out, uint8_t tag, object text) except NULL:
    cdef Py_ssize_t length
    cdef const char* data = PyUnicode_AsUTF8AndSize(text, &length)
    return put_field(out, tag, data, length)


def encode_sender(str tenant not None, str session not None, str stream not None):
    """Return the fields that say whose batch it is; see batch.pyi."""
    cdef Py_ssize_t size = 0
    for text in (tenant, session, stream):
        if text:
            size += field_size(text_size(text))
    sender = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(sender)
    if tenant:
        out = put_text(out, TENANT, tenant)
    if session:
        out = put_text(out, SESSION, session)
    if stream:
        put_text(out, STREAM, stream)
    return sender


cdef Py_ssize_t target_size(str descriptor, uint32_t flags) except -1:
    cdef Py_ssize_t length = text_size(descriptor)
    return (field_size(length) if length else 0) + number_size(flags)


def encode_batch(
    bytes sender not None,
    uint64_t seq,
    int64_t t0_ms,
    str page not None,
    uint32_t pointer,
    uint32_t count,
    bytes columns not None,
    targets not None,
    strings not None,
    int64_t received_at_ns,
):
    """Return a BehaviorBatch, serialized; see batch.pyi."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(sender)
    cdef str text
    cdef uint32_t flags
    size += number_size(seq) + number_size(<uint64_t>t0_ms)
    if page:
        size += field_size(text_size(page))
    size += number_size(pointer) + number_size(count)
    if columns:
        size += field_size(PyBytes_GET_SIZE(columns))
    for text, flags in targets:
        size += field_size(target_size(text, flags))
    for text in strings:
        size += field_size(text_size(text))
    size += number_size(<uint64_t>received_at_ns)
    batch = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(batch)
    memcpy(out, PyBytes_AS_STRING(sender), PyBytes_GET_SIZE(sender))
    out = put_number(out + PyBytes_GET_SIZE(sender), SEQ, seq)
    out = put_number(out, T0, <uint64_t>t0_ms)
    if page:
        out = put_text(out, PAGE, page)
    out = put_number(out, POINTER, pointer)
    out = put_number(out, COUNT, count)
    if columns:
        out = put_field(out, COLUMNS, PyBytes_AS_STRING(columns), PyBytes_GET_SIZE(columns))
    for text, flags in targets:
        out[0] = TARGET
        out = put_varint(out + 1, <uint64_t>target_size(text, flags))
        if text:
            out = put_text(out, DESCRIPTOR, text)
        out = put_number(out, FLAGS, flags)
    for text in strings:
        out = put_text(out, STRING, text)
    put_number(out, RECEIVED, <uint64_t>received_at_ns)
    return batch
