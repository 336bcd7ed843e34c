"""Texts as bytes, and the keyed 128 bits of hash by which arenas and names tell them apart.

Ownership: a Text borrows its bytes. A Hash owns itself.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    str PyUnicode_DecodeUTF8(const char* data, Py_ssize_t size, const char* errors)


cdef extern from *:
    """
    #include <stdint.h>
    static inline void SIQ_MULTIPLY(
        unsigned long long a, unsigned long long b, uint64_t *low, uint64_t *high)
    {
        unsigned __int128 product = (unsigned __int128)a * b;
        *low = (uint64_t)product;
        *high = (uint64_t)(product >> 64);
    }
    #define SIQ_FETCH(address) __builtin_prefetch((address), 1, 3)
    """
    void SIQ_MULTIPLY(uint64_t a, uint64_t b, uint64_t* low, uint64_t* high) noexcept nogil
    # Begin to bring a cache line near, while something else is being done.
    void SIQ_FETCH(const void* address) noexcept nogil


cdef struct Text:
    const char* data        # UTF-8
    Py_ssize_t size         # bytes


cdef struct Hash:
    uint64_t low            # its bits place an entry in a table
    uint64_t high


cdef inline int text_open(Text* text, str source) except -1:
    """Point a text at the bytes of a string, which must outlive it."""
    text.data = PyUnicode_AsUTF8AndSize(source, &text.size)
    return 0


cdef inline str text_str(const Text* text):
    """Return a text as a string.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
    """
    return PyUnicode_DecodeUTF8(text.data, text.size, NULL)


cdef inline void stir(Hash* hash, uint64_t word) noexcept nogil:
    """Stir a word into both halves (multiply and fold, as wyhash does)."""
    cdef uint64_t low, high
    SIQ_MULTIPLY(hash.low ^ word, <uint64_t>0xE7037ED1A0B428DB, &low, &high)
    hash.low = low ^ high ^ hash.high
    SIQ_MULTIPLY(hash.high + word, <uint64_t>0x8EBC6AF09C88C6E3, &low, &high)
    hash.high = low ^ high


cdef inline void hash_text(Hash* hash, const Text* text) noexcept nogil:
    """Stir a text into both halves. Texts of other lengths may stir the same: stir those first."""
    cdef const char* data = text.data
    cdef Py_ssize_t left = text.size
    cdef uint64_t word
    cdef uint32_t first, last
    while left >= 8:
        memcpy(&word, data, 8)
        stir(hash, word)
        data += 8
        left -= 8
    if left == 0:
        return
    if text.size >= 8:      # the last eight bytes, some of them once more
        memcpy(&word, data + left - 8, 8)
    elif left >= 4:
        memcpy(&first, data, 4)
        memcpy(&last, data + left - 4, 4)
        word = <uint64_t>first << 32 | last
    else:
        word = (
            <uint64_t><uint8_t>data[0] << 16 | <uint64_t><uint8_t>data[left >> 1] << 8
            | <uint8_t>data[left - 1]
        )
    stir(hash, word)
