"""Entries: a LogEntry written in protobuf's encoding, without an object of protobuf's."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t

from hotpath.varint cimport field_size, put_field, put_varint


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


# First byte of each field: its number and wire type.
cdef enum:
    RECORD = 0x0A       # of LogEntry
    KEY = 0x0A          # of Record, as the next
    HEADER = 0x12
    VALUE = 0x1A
    NAME = 0x0A         # of a header, as the next
    CONTENT = 0x12


cdef Py_ssize_t header_size(str name, str content) except -1:
    cdef Py_ssize_t first, second
    PyUnicode_AsUTF8AndSize(name, &first)
    PyUnicode_AsUTF8AndSize(content, &second)
    return field_size(first) + field_size(second)


cdef uint8_t* put_header(uint8_t* out, str name, str content) except NULL:
    cdef Py_ssize_t length
    cdef const char* data
    out[0] = HEADER
    out = put_varint(out + 1, <uint64_t>header_size(name, content))
    data = PyUnicode_AsUTF8AndSize(name, &length)
    out = put_field(out, NAME, data, length)
    data = PyUnicode_AsUTF8AndSize(content, &length)
    return put_field(out, CONTENT, data, length)


cdef Py_ssize_t record_size(bytes key, object headers, bytes value) except -1:
    cdef Py_ssize_t size = 0
    cdef str name, content
    if key:
        size += field_size(PyBytes_GET_SIZE(key))
    for name, content in headers.items():
        size += field_size(header_size(name, content))
    if value:
        size += field_size(PyBytes_GET_SIZE(value))
    return size


def encode_entry(records not None):
    """Return a LogEntry of (key, headers, value) records; see entry.pyi."""
    cdef list kept = list(records)
    cdef Py_ssize_t size = 0
    cdef bytes key, value
    cdef str name, content
    for key, headers, value in kept:
        size += field_size(record_size(key, headers, value))
    entry = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(entry)
    for key, headers, value in kept:
        out[0] = RECORD
        out = put_varint(out + 1, <uint64_t>record_size(key, headers, value))
        if key:
            out = put_field(out, KEY, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
        for name, content in headers.items():
            out = put_header(out, name, content)
        if value:
            out = put_field(out, VALUE, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    return entry
