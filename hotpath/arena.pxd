"""Arenas: where states live, by (tenant, session, stream).

Ownership: an Arena owns its states, its table and the names of its slots, and frees them when it
dies. `arena_state` lends a pointer that is valid until the next `acquire` or `restore`, which may
move the states: no caller keeps one across batches. A slot number is valid until it is evicted.

Memory grows by doubling, in `acquire` only, up to `capacity` states; then the one that was touched
longest ago is evicted. Nothing is allocated for an event.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from hotpath.state cimport StreamState
from hotpath.visit cimport VisitState


cdef struct Slot:
    uint64_t hash
    int32_t newer       # towards the slot touched last; -1: none
    int32_t older
    int32_t next_free   # only in free slots


cdef class Arena:
    cdef char* states               # owned; `allocated` of `item` bytes each
    cdef Slot* slots                # owned; beside the states, so that those stay dense
    cdef int32_t* table             # owned; slot or -1; open addressing, linear probing
    cdef uint32_t mask              # table size - 1, a power of two, at least twice `allocated`
    cdef int32_t allocated
    cdef int32_t newest
    cdef int32_t oldest
    cdef int32_t first_free
    cdef uint64_t seed              # of this process: nobody outside can aim for one bucket
    cdef list names                 # slot -> (tenant, session, stream); None: free
    cdef readonly size_t item
    cdef readonly int capacity
    cdef readonly int used
    cdef readonly long long evicted

    cdef uint64_t hash(self, str tenant, str session, str stream) except? 0
    # The slot of a state that is known; -1: it is not.
    cdef int32_t find(self, str tenant, str session, str stream, uint64_t hash) except -2
    # The slot of a state, made if need be, and now the one touched last.
    cdef int32_t acquire(self, str tenant, str session, str stream) except -1
    cdef int release(self, int32_t slot) except -1
    # Called once for each new slot, all zero.
    cdef int begin(self, int32_t slot) except -1
    cdef int grow(self) except -1
    cdef void link(self, int32_t slot) noexcept nogil
    cdef void unlink(self, int32_t slot) noexcept nogil
    cdef void index(self, int32_t slot) noexcept nogil
    cdef void unindex(self, int32_t slot) noexcept nogil


cdef inline void* arena_state(Arena arena, int32_t slot) noexcept:
    """Lend the state of a slot."""
    return arena.states + <size_t>slot * arena.item


cdef inline uint64_t stir(uint64_t h) noexcept nogil:
    """Spread every bit over all bits (the finaliser of MurmurHash3)."""
    h = (h ^ (h >> 33)) * <uint64_t>0xFF51AFD7ED558CCD
    h = (h ^ (h >> 33)) * <uint64_t>0xC4CEB9FE1A85EC53
    return h ^ (h >> 33)
