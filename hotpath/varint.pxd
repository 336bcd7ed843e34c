"""Protobuf's variable-length numbers: seven bits a byte, the lowest first.

Ownership: none; what is written to must have room.
"""

from libc.stdint cimport uint8_t, uint64_t


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
