"""Protobuf's encoding, read a field at a time without any object. varint.pxd writes it.

Groups, which protobuf gave up before our contracts were written, are refused.

Ownership: readers and fields borrow the bytes that are read.

Over 100 lines because reading a field is inlined where it is read.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from hotpath.hashing cimport Text


cdef extern from *:
    """
    #define SIQ_LOWEST_BIT(word) __builtin_ctzll(word)
    """
    # Place of the lowest bit that is set; one must be.
    int SIQ_LOWEST_BIT(uint64_t word) noexcept nogil


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


cdef inline uint64_t join_sevens(uint64_t word) noexcept nogil:
    """Put the low seven bits of eight bytes together."""
    word = (word & <uint64_t>0x007F007F007F007F) | (word >> 1 & <uint64_t>0x3F803F803F803F80)
    word = (word & <uint64_t>0x00003FFF00003FFF) | (word >> 2 & <uint64_t>0x0FFFC0000FFFC000)
    return (word & <uint64_t>0x0FFFFFFF) | (word >> 4 & <uint64_t>0x00FFFFFFF0000000)


cdef inline bint read_long_varint(Reader* reader, uint64_t* value) noexcept nogil:
    cdef const uint8_t* at = reader.at
    cdef const uint8_t* end = min(reader.end, at + MAX_VARINT)
    cdef uint64_t read = 0, word, last
    cdef int shift = 0
    # Eight bytes at once, where there are as many: a time is one of six or nine bytes.
    if end - at >= 8:
        memcpy(&word, at, 8)
        last = ~word & <uint64_t>0x8080808080808080       # bytes after which none follows
        if last:
            value[0] = join_sevens(word & (last ^ (last - 1)))
            reader.at = at + (SIQ_LOWEST_BIT(last) >> 3) + 1
            return True
        read = join_sevens(word)
        at += 8
        shift = 56
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


# Where our own writers put a field, most messages have it: the next two ask for it there, so that
# no processor has to guess which field comes. They take it if it is next, and say whether reading
# may go on. Tags are of one byte.
cdef inline bint expect_number(Reader* reader, uint8_t tag, uint64_t* number) noexcept nogil:
    if reader.at < reader.end and reader.at[0] == tag:
        reader.at += 1
        return read_varint(reader, number)
    return True


cdef inline bint expect_text(Reader* reader, uint8_t tag, Text* text) noexcept nogil:
    cdef uint64_t length
    if reader.at < reader.end and reader.at[0] == tag:
        reader.at += 1
        if not read_varint(reader, &length) or length > <uint64_t>(reader.end - reader.at):
            return False
        text.data = <const char*>reader.at
        text.size = <Py_ssize_t>length
        reader.at += length
    return True
