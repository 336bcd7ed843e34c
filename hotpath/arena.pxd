"""Arenas: where states live, by (tenant, session, stream).

Ownership: an Arena owns its states, its table and the names of its slots, and frees them when it
dies. `arena_state` lends a pointer that is valid until the next `acquire` or `restore`, which may
move the states: no caller keeps one across batches. A slot number is valid until it is evicted.

Names are told apart by 128 keyed bits of hash: no look-up reads a string that is not the caller's.
Memory grows by doubling, in `acquire` only, up to `capacity` states; then the one that was touched
longest ago is evicted. Nothing is allocated for an event.

Over 100 lines because what every batch asks of an arena is inlined where it is asked.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from hotpath.hashing cimport SIQ_FETCH, Hash, Text


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
    cdef char** names               # owned, with the names, packed, by slot; NULL: free, or unnamed
    cdef readonly size_t item
    cdef bint named
    cdef readonly int capacity
    cdef readonly int used
    cdef readonly long long evicted

    cdef void hash(
        self, const Text* tenant, const Text* session, const Text* stream, Hash* hash
    ) noexcept nogil
    # The slot of a state, made if need be, and now the one touched last; `take` is told the hash,
    # and the slot that `arena_find` found. ValueError: a name is no UTF-8, or too long; nothing
    # has changed.
    cdef int32_t acquire(
        self, const Text* tenant, const Text* session, const Text* stream
    ) except -1
    cdef int32_t take(
        self, const Text* tenant, const Text* session, const Text* stream, const Hash* hash,
        int32_t slot,
    ) except -1
    cdef int release(self, int32_t slot) except -1
    # (tenant, session, stream) of a slot.
    cdef tuple name_of(self, int32_t slot)
    # Called once for each new slot, all zero.
    cdef int begin(self, int32_t slot, const Text* tenant, const Text* session) except -1
    cdef int grow(self) except -1
    # The slot touched longest ago.
    cdef int32_t oldest(self) except -1
    cdef int list_old(self) except -1
    cdef void index(self, int32_t slot) noexcept nogil
    cdef void unindex(self, int32_t slot) noexcept nogil


cdef inline int32_t arena_find(Arena arena, const Hash* hash) noexcept nogil:
    """Return the slot of a state that is known; -1: it is not."""
    cdef uint32_t at = <uint32_t>hash.low & arena.mask
    cdef int32_t slot
    while True:
        slot = arena.table[at]
        if slot < 0 or (
            arena.slots[slot].hash.low == hash.low and arena.slots[slot].hash.high == hash.high
        ):
            return slot
        at = (at + 1) & arena.mask


cdef inline void arena_touch(Arena arena, int32_t slot) noexcept nogil:
    """Make a slot in use the one touched last."""
    arena.touches = arena.touches + 1   # the checked build refuses += on what may be None
    arena.slots[slot].touched = arena.touches


cdef inline bint arena_holds(Arena arena, int32_t slot, const Hash* hash) noexcept nogil:
    """Say whether a slot is, still, that of the hash."""
    return (
        arena.slots[slot].touched != 0 and arena.slots[slot].hash.low == hash.low
        and arena.slots[slot].hash.high == hash.high
    )


cdef inline void arena_approach(Arena arena, const Hash* hash) noexcept nogil:
    """Bring near where a look-up will begin …"""
    SIQ_FETCH(&arena.table[<uint32_t>hash.low & arena.mask])


cdef inline void arena_near(Arena arena, const Hash* hash) noexcept nogil:
    """… and, once that is near, the slot that it most likely leads to."""
    cdef int32_t slot = arena.table[<uint32_t>hash.low & arena.mask]
    if slot >= 0:
        SIQ_FETCH(&arena.slots[slot])


cdef inline void* arena_state(Arena arena, int32_t slot) noexcept:
    """Lend the state of a slot."""
    return arena.states + <size_t>slot * arena.item
