"""Names: strings that kernels know by number.

Ownership: a Names owns its strings. A number is valid until the next sweep that does not mark it;
whoever keeps numbers across batches must mark them when asked. 0 is the empty string, for ever.

Strings are told apart by 128 keyed bits of hash: no look-up reads one, or makes one. Only whether
a text is one string, and which, is asked of its bytes.
"""

from cpython.list cimport PyList_GET_ITEM
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport uint32_t
from libc.string cimport memcmp

from hotpath.hashing cimport Hash, Text


cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    const void* PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)


cdef class Names:
    cdef Hash* hashes           # owned; by number, `room` of them
    cdef uint32_t* table        # owned; number, or 0: free. Open addressing, linear probing
    cdef uint32_t mask          # table size - 1, a power of two, at least twice `room`
    cdef uint32_t room
    cdef uint32_t live          # strings held, the empty one included
    cdef Hash seed              # of this process: nobody outside can aim for one bucket
    cdef list texts             # number -> text; None: free
    cdef list free              # numbers to use again
    cdef readonly Py_ssize_t limit      # live strings at which a sweep is due

    # The number of a string, given one if need be; UnicodeDecodeError if it is no UTF-8.
    cdef uint32_t intern(self, const Text* text) except? 0
    cdef str text(self, uint32_t number)
    # Forget every string whose byte in `marks` (one for each number) is 0.
    cdef int sweep(self, const unsigned char* marks) except -1
    cdef uint32_t add(self, str text, const Hash* hash) except? 0
    cdef int resize(self, uint32_t room) except -1
    cdef void hash(self, const Text* text, Hash* hash) noexcept nogil
    cdef void index(self, uint32_t number) noexcept nogil


cdef inline bint names_are(Names names, uint32_t number, const Text* text) noexcept:
    """Say whether a text is that of a number in use; of one beyond ASCII it may say no."""
    held = <object>PyList_GET_ITEM(names.texts, number)
    return (
        PyUnicode_CheckExact(held) and PyUnicode_IS_COMPACT_ASCII(held)
        and PyUnicode_GET_LENGTH(held) == text.size
        and memcmp(PyUnicode_1BYTE_DATA(held), text.data, text.size) == 0
    )
