"""Looking ahead: most of what a batch costs is waiting for its stream's state to come from memory.

Of a list of batches, the next few are looked up while one is run; see Detector.apply_encoded.

Ownership: an Ahead borrows the batch's bytes for the call.
"""

from libc.stdint cimport int32_t

from hotpath.hashing cimport SIQ_FETCH, Hash
from hotpath.message cimport Sender


cdef enum:
    # Steps of a look-up, and after how many batches each follows; see apply_encoded.
    NEAR_AFTER = 2
    FIND_AFTER = 3
    VISIT_AFTER = 5
    TAKE_AFTER = 6
    RING = 8
    CACHE_LINE = 64
    MESSAGE_BYTES = 320         # hardly a message is longer


# A batch whose turn has not come yet.
cdef struct Ahead:
    Sender sender
    Hash hash
    int32_t slot        # -1: not known, or not yet; it may be evicted before its turn


cdef inline void fetch_all(const char* address, size_t size) noexcept nogil:
    """Begin to bring `size` bytes near."""
    cdef size_t at = 0
    while at < size:
        SIQ_FETCH(address + at)
        at += CACHE_LINE
