"""Protobuf's variable-length numbers (seven bits a byte, the lowest first) and fields of bytes.

Ownership: none; what is written to must have room.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy


cdef inline Py_ssize_t varint_size(uint64_t value) noexcept nogil:
    cdef Py_ssize_t size = 1
    while value >= 0x80:
        value >>= 7
        size += 1
    return size


# Write a number and return where it ends.
cdef inline uint8_t* put_varint(uint8_t* out, uint64_t value) noexcept nogil:
    while value >= 0x80:
        out[0] = <uint8_t>(value | 0x80)
        out += 1
        value >>= 7
    out[0] = <uint8_t>value
    return out + 1


# Bytes of a field of so many bytes, its tag (of one byte) and length included.
cdef inline Py_ssize_t field_size(Py_ssize_t length) noexcept nogil:
    return 1 + varint_size(<uint64_t>length) + length


# Write a field of bytes and return where it ends.
cdef inline uint8_t* put_field(
    uint8_t* out, uint8_t tag, const char* data, Py_ssize_t length
) noexcept nogil:
    out[0] = tag
    out = put_varint(out + 1, <uint64_t>length)
    memcpy(out, data, length)
    return out + length
