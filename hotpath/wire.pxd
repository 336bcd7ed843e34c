"""Protobuf's encoding, read a field at a time without any object. varint.pxd writes it.

Groups, which protobuf gave up before our contracts were written, are refused.

Ownership: readers and fields borrow the bytes that are read.
"""

from libc.stdint cimport uint8_t, uint64_t

from hotpath.hashing cimport Text


cdef enum:
    VARINT = 0              # wire types
    FIXED64 = 1
    LENGTH = 2
    FIXED32 = 5
    MAX_VARINT = 10         # bytes


# Where reading has come to.
cdef struct Reader:
    const uint8_t* at
    const uint8_t* end


# One field, read: a number, or the bytes of one with a length.
cdef struct Field:
    uint64_t tag
    uint64_t number
    Text text


cdef inline Text no_text() noexcept nogil:
    cdef Text text
    text.data = b""
    text.size = 0
    return text


cdef inline Field no_field() noexcept nogil:
    cdef Field field
    field.tag = field.number = 0
    field.text = no_text()
    return field


cdef inline Reader reader_of(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    cdef Reader reader
    reader.at = data
    reader.end = data + size
    return reader


cdef inline bint read_long_varint(Reader* reader, uint64_t* value) noexcept nogil:
    cdef const uint8_t* at = reader.at
    cdef const uint8_t* end = min(reader.end, at + MAX_VARINT)
    cdef uint64_t read = 0
    cdef int shift = 0
    while at < end:
        read |= <uint64_t>(at[0] & 0x7F) << shift       # bits beyond the 64th are dropped
        if at[0] < 0x80:
            value[0] = read
            reader.at = at + 1
            return True
        at += 1
        shift += 7
    return False


cdef inline bint read_varint(Reader* reader, uint64_t* value) noexcept nogil:
    if reader.at < reader.end and reader.at[0] < 0x80:
        value[0] = reader.at[0]
        reader.at += 1
        return True
    return read_long_varint(reader, value)


# Read the next field; say whether it could be read.
cdef inline bint read_field(Reader* reader, Field* field) noexcept nogil:
    cdef uint64_t length
    if not read_varint(reader, &field.tag) or field.tag >> 3 == 0 or field.tag >> 32:
        return False
    if field.tag & 7 == VARINT:
        return read_varint(reader, &field.number)
    if field.tag & 7 == LENGTH:
        if not read_varint(reader, &length) or length > <uint64_t>(reader.end - reader.at):
            return False
        field.text.data = <const char*>reader.at
        field.text.size = <Py_ssize_t>length
    elif field.tag & 7 == FIXED64:
        length = 8
    elif field.tag & 7 == FIXED32:
        length = 4
    else:
        return False
    if length > <uint64_t>(reader.end - reader.at):
        return False
    reader.at += length
    return True
