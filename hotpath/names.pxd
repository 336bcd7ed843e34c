"""Names: strings that kernels know by number.

Ownership: a Names owns its strings. A number is valid until the next sweep that does not mark it;
whoever keeps numbers across batches must mark them when asked. 0 is the empty string, for ever.
"""

from libc.stdint cimport uint32_t


cdef class Names:
    cdef dict numbers           # text -> number
    cdef list texts             # number -> text; None: free
    cdef list free              # numbers to use again
    cdef readonly Py_ssize_t limit      # live strings at which a sweep is due

    cdef uint32_t intern(self, str text) except? 0
    cdef str text(self, uint32_t number)
    # Forget every string whose byte in `marks` (one for each number) is 0.
    cdef int sweep(self, const unsigned char* marks) except -1
