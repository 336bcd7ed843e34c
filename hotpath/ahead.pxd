"""Looking ahead: most of what a batch costs is waiting for its stream's state to come from memory.

Of a list of batches, the next few are looked up while one is run; see Detector.apply_encoded.

Ownership: an Ahead borrows the batch's bytes for the call.
"""

from libc.stdint cimport int32_t

from hotpath.hashing cimport Hash
from hotpath.message cimport Sender


cdef enum:
    # Steps of a look-up, and after how many batches each follows; see apply_encoded.
    NEAR_AFTER = 2
    FIND_AFTER = 3
    VISIT_AFTER = 5
    TAKE_AFTER = 6
    RING = 8
    MESSAGE_BYTES = 320         # hardly a message is longer


# A batch whose turn has not come yet.
cdef struct Ahead:
    Sender sender
    Hash hash
    int32_t slot        # -1: not known, or not yet; it may be evicted before its turn


cdef extern from *:
    """
    #include <stddef.h>
    static inline void SIQ_FETCH_ALL(const char *address, size_t size)
    {
        size_t at;
    #pragma GCC unroll 32
        for (at = 0; at < size; at += 64)
            __builtin_prefetch(address + at, 1, 3);
    }
    """
    # Begin to bring `size` bytes near. Where that is a constant, there is no loop.
    void SIQ_FETCH_ALL(const char* address, size_t size) noexcept nogil
