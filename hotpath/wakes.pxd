"""Wakes: timers that streams have pending, written as the answer that names them.

Each is a `wakes` field of a DetectResponse, so what `take` gives can stand anywhere in one; nothing
of Python's is made until somebody asks.

Ownership: Wakes owns its bytes. A wake's texts are copied.
"""

from libc.stdint cimport int64_t, uint8_t

from hotpath.hashing cimport Text


cdef class Wakes:
    cdef uint8_t* data
    cdef Py_ssize_t size        # bytes written …
    cdef Py_ssize_t room        # … of so many

    cdef int put(
        self, const Text* tenant, const Text* session, const Text* stream, int64_t due_ms
    ) except -1
    cdef bytes take(self)


# Name a timer of a stream by its (tenant, session, stream).
cdef int wakes_put(Wakes wakes, tuple stream, int64_t due_ms) except -1

# Read what `take` gave.
cdef list wakes_list(bytes encoded)
