"""Entries: a LogEntry in protobuf's encoding, written and read without an object of protobuf's."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t

from hotpath.hashing cimport PyUnicode_AsUTF8AndSize, Text, text_str
from hotpath.varint cimport field_size, put_field, put_varint
from hotpath.wire cimport Field, Reader, no_field, no_text, read_field, reader_of


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


cdef bytes bytes_of(const Text* text):
    return PyBytes_FromStringAndSize(text.data, text.size)


cdef int malformed() except -1:
    raise ValueError("not a LogEntry, or it ends in the middle")


cdef int read_header(const Text* source, dict headers) except -1:
    cdef Reader reader = reader_of(<const uint8_t*>source.data, source.size)
    cdef Field field = no_field()
    cdef Text name = no_text(), content = no_text()
    while reader.at < reader.end:
        if not read_field(&reader, &field):
            malformed()
        if field.tag == NAME:
            name = field.text
        elif field.tag == CONTENT:
            content = field.text
    headers[text_str(&name)] = text_str(&content)
    return 0


cdef tuple read_record(const Text* source):
    cdef Reader reader = reader_of(<const uint8_t*>source.data, source.size)
    cdef Field field = no_field()
    cdef Text key = no_text(), value = no_text()
    cdef dict headers = {}
    while reader.at < reader.end:
        if not read_field(&reader, &field):
            malformed()
        if field.tag == VALUE:
            value = field.text
        elif field.tag == KEY:
            key = field.text
        elif field.tag == HEADER:
            read_header(&field.text, headers)
    return bytes_of(&key), bytes_of(&value), headers


def decode_entry(bytes blob not None):
    """Return the (key, value, headers) records of a LogEntry; see entry.pyi."""
    cdef Reader reader = reader_of(
        <const uint8_t*>PyBytes_AS_STRING(blob), PyBytes_GET_SIZE(blob)
    )
    cdef Field field = no_field()
    cdef list records = []
    while reader.at < reader.end:
        if not read_field(&reader, &field):
            malformed()
        if field.tag == RECORD:
            records.append(read_record(&field.text))
    return records
