"""Arenas: where states live, by (tenant, session, stream).

Ownership: an Arena owns its states, its table and the names of its slots, and frees them when it
dies. `arena_state` lends a pointer that is valid until the next `acquire` or `restore`, which may
move the states: no caller keeps one across batches. A slot number is valid until it is evicted.

Names are told apart by 128 keyed bits of hash: no look-up reads a string that is not the caller's.
Memory grows by doubling, in `acquire` only, up to `capacity` states; then the one that was touched
longest ago is evicted. Nothing is allocated for an event.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t


cdef struct Hash:
    uint64_t low        # its bits place the slot in the table
    uint64_t high


cdef struct Slot:
    Hash hash           # in a free slot, `low` is the next free one, or -1
    uint64_t touched    # the arena's count when it was last acquired; 0: free


# A slot that may be the one touched longest ago.
cdef struct Old:
    uint64_t touched
    int32_t slot


cdef class Arena:
    cdef char* states               # owned; `allocated` of `item` bytes each, from a cache line on
    cdef Slot* slots                # owned; beside the states, so that those stay dense
    cdef int32_t* table             # owned; slot or -1; open addressing, linear probing
    cdef Old* old                   # owned; candidates for eviction, the oldest first
    cdef uint32_t mask              # table size - 1, a power of two, at least twice `allocated`
    cdef int32_t allocated
    cdef int32_t old_at             # next candidate
    cdef int32_t old_count
    cdef int32_t first_free
    cdef uint64_t touches
    cdef Hash seed                  # of this process: nobody outside can aim for one bucket
    cdef list names                 # slot -> its name, see `name_of`; None: free. Empty: unnamed
    cdef readonly size_t item
    cdef bint named
    cdef readonly int capacity
    cdef readonly int used
    cdef readonly long long evicted

    cdef int hash(self, str tenant, str session, str stream, Hash* hash) except -1
    # The slot of a state that is known; -1: it is not.
    cdef int32_t find(self, const Hash* hash) noexcept nogil
    # The slot of a state, made if need be, and now the one touched last; `take` is told the hash,
    # and the slot that `find` found.
    cdef int32_t acquire(self, str tenant, str session, str stream) except -1
    cdef int32_t take(
        self, str tenant, str session, str stream, const Hash* hash, int32_t slot
    ) except -1
    cdef int release(self, int32_t slot) except -1
    # (tenant, session, stream) of a slot.
    cdef tuple name_of(self, int32_t slot)
    # Called once for each new slot, all zero.
    cdef int begin(self, int32_t slot, str tenant, str session) except -1
    cdef int grow(self) except -1
    # The slot touched longest ago.
    cdef int32_t oldest(self) except -1
    cdef int list_old(self) except -1
    cdef void index(self, int32_t slot) noexcept nogil
    cdef void unindex(self, int32_t slot) noexcept nogil


cdef extern from *:
    """
    #define SIQ_FETCH(address) __builtin_prefetch((address), 1, 3)
    """
    # Begin to bring a cache line near, while something else is being done.
    void SIQ_FETCH(const void* address) noexcept nogil


cdef inline void* arena_state(Arena arena, int32_t slot) noexcept:
    """Lend the state of a slot."""
    return arena.states + <size_t>slot * arena.item
