"""Arenas: where states live, by (tenant, session, stream)."""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort, realloc

from posix.stdlib cimport posix_memalign
from libc.string cimport memcpy, memset

from hotpath.hashing cimport Hash, Text, hash_text, stir, text_open, text_str

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #define SIQ_HUGE(block, size) \
        (void)((size) >= (1u << 21) && madvise( \
            (void*)(((size_t)(block) + 4095) & ~(size_t)4095), \
            (size) - 8192, MADV_HUGEPAGE))
    #else
    #define SIQ_HUGE(block, size) (void)0
    #endif
    """
    # Ask for huge pages: with a million states, half the time would go into finding pages.
    void SIQ_HUGE(void* block, size_t size) noexcept nogil


cdef enum:
    CACHE_LINE = 64
    LONGEST_NAME = 0xFFFF
    ALIGNED = 8         # whole cache lines would be no faster, and cost a session 64 bytes
    FIRST_STATES = 64
    SAMPLES = 64        # one state in so many is listed as old at a time


# Before the three texts of a name, one after the other.
cdef struct Lengths:
    uint16_t tenant
    uint16_t session
    uint16_t stream


cdef char* pack_name(const Text* tenant, const Text* session, const Text* stream) except NULL:
    """Return a name in one piece: a third of the size of three strings."""
    cdef Lengths lengths
    cdef Py_ssize_t size = sizeof(Lengths) + tenant.size + session.size + stream.size
    text_str(tenant)        # what is kept must be readable
    text_str(session)
    text_str(stream)
    if max(tenant.size, session.size, stream.size) > LONGEST_NAME:
        raise ValueError(f"a name of more than {LONGEST_NAME} bytes")
    lengths.tenant = <uint16_t>tenant.size
    lengths.session = <uint16_t>session.size
    lengths.stream = <uint16_t>stream.size
    cdef char* name = <char*>PyMem_Malloc(size)
    if name == NULL:
        raise MemoryError
    memcpy(name, &lengths, sizeof(Lengths))
    cdef char* out = name + sizeof(Lengths)
    memcpy(out, tenant.data, tenant.size)
    memcpy(out + tenant.size, session.data, session.size)
    memcpy(out + tenant.size + session.size, stream.data, stream.size)
    return name


cdef int by_touch(const void* a, const void* b) noexcept nogil:
    cdef uint64_t one = (<const Old*>a).touched, other = (<const Old*>b).touched
    return (one > other) - (one < other)


cdef class Arena:
    """States by (tenant, session, stream); see arena.pxd."""

    def __cinit__(self, int capacity, size_t item, bint named=True):
        if not 1 <= capacity <= 1 << 24:
            raise ValueError(f"capacity must be 1 to {1 << 24} streams, not {capacity}")
        self.capacity = capacity
        self.item = (item + ALIGNED - 1) // ALIGNED * ALIGNED
        self.named = named
        self.first_free = -1
        self.seed.low = int.from_bytes(os.urandom(8), "little")
        self.seed.high = int.from_bytes(os.urandom(8), "little")
        self.grow()

    def __dealloc__(self):
        cdef int32_t slot
        if self.names != NULL:
            for slot in range(self.allocated):
                PyMem_Free(self.names[slot])
        free(self.names)
        free(self.states)
        free(self.slots)
        free(self.table)
        free(self.old)

    def __len__(self):
        return self.used

    cdef int grow(self) except -1:
        """Double the room, or make the first."""
        cdef int32_t room = min(max(self.allocated * 2, <int32_t>FIRST_STATES), self.capacity)
        cdef int32_t slot
        cdef uint32_t size = 1
        cdef void* block
        while size < 2 * <uint32_t>room:
            size *= 2
        if posix_memalign(&block, CACHE_LINE, room * self.item) != 0:
            raise MemoryError
        SIQ_HUGE(block, room * self.item)
        if self.states != NULL:
            memcpy(block, self.states, self.allocated * self.item)
            free(self.states)
        self.states = <char*>block
        block = realloc(self.slots, room * sizeof(Slot))
        if block == NULL:
            raise MemoryError
        self.slots = <Slot*>block
        SIQ_HUGE(block, room * sizeof(Slot))
        block = realloc(self.table, size * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.table = <int32_t*>block
        SIQ_HUGE(block, size * sizeof(int32_t))
        self.mask = size - 1
        memset(self.table, 0xFF, size * sizeof(int32_t))
        for slot in range(self.allocated):
            if self.slots[slot].touched:
                self.index(slot)
        for slot in range(room - 1, self.allocated - 1, -1):
            self.slots[slot].touched = 0
            self.slots[slot].hash.low = <uint64_t><int64_t>self.first_free
            self.first_free = slot
        if self.named:
            block = realloc(self.names, room * sizeof(char*))
            if block == NULL:
                raise MemoryError
            self.names = <char**>block
            memset(self.names + self.allocated, 0, (room - self.allocated) * sizeof(char*))
        self.allocated = room
        return 0

    cdef void index(self, int32_t slot) noexcept nogil:
        cdef uint32_t at = <uint32_t>self.slots[slot].hash.low & self.mask
        while self.table[at] >= 0:
            at = (at + 1) & self.mask
        self.table[at] = slot

    cdef void unindex(self, int32_t slot) noexcept nogil:
        cdef uint32_t at = <uint32_t>self.slots[slot].hash.low & self.mask, hole, home
        while self.table[at] != slot:
            at = (at + 1) & self.mask
        # Close the gap: move back whoever probed past it.
        hole = at
        while True:
            at = (at + 1) & self.mask
            if self.table[at] < 0:
                break
            home = <uint32_t>self.slots[self.table[at]].hash.low & self.mask
            if ((at - home) & self.mask) >= ((at - hole) & self.mask):
                self.table[hole] = self.table[at]
                hole = at
        self.table[hole] = -1

    cdef void hash(
        self, const Text* tenant, const Text* session, const Text* stream, Hash* hash
    ) noexcept nogil:
        cdef Hash stirred = self.seed
        # The lengths keep ("a", "bc") from ("ab", "c"). Nobody has a name of 2 MB.
        stir(
            &stirred,
            <uint64_t>tenant.size | <uint64_t>session.size << 21 | <uint64_t>stream.size << 42,
        )
        hash_text(&stirred, tenant)
        hash_text(&stirred, session)
        hash_text(&stirred, stream)
        stir(&stirred, self.seed.high)      # so that the last word, too, moves every bit
        hash[0] = stirred

    cdef int32_t acquire(
        self, const Text* tenant, const Text* session, const Text* stream
    ) except -1:
        cdef Hash hash
        self.hash(tenant, session, stream, &hash)
        return self.take(tenant, session, stream, &hash, arena_find(self, &hash))

    cdef int32_t take(
        self, const Text* tenant, const Text* session, const Text* stream, const Hash* hash,
        int32_t slot,
    ) except -1:
        cdef char* name = NULL
        if slot >= 0:
            arena_touch(self, slot)
            return slot
        self.touches += 1
        if self.named:
            name = pack_name(tenant, session, stream)
        if self.first_free < 0:
            if self.allocated < self.capacity:
                self.grow()
            else:
                self.evicted += 1
                self.release(self.oldest())
        slot = self.first_free
        if self.named:
            self.names[slot] = name
        self.first_free = <int32_t><int64_t>self.slots[slot].hash.low
        memset(arena_state(self, slot), 0, self.item)
        self.slots[slot].hash = hash[0]
        self.slots[slot].touched = self.touches
        self.index(slot)
        self.used += 1
        self.begin(slot, tenant, session)
        return slot

    cdef int begin(self, int32_t slot, const Text* tenant, const Text* session) except -1:
        return 0

    cdef tuple name_of(self, int32_t slot):
        cdef const char* data = self.names[slot]
        cdef Lengths lengths
        memcpy(&lengths, data, sizeof(Lengths))
        data += sizeof(Lengths)
        cdef Py_ssize_t session = lengths.tenant, stream = session + lengths.session
        return (
            data[:session].decode(), data[session:stream].decode(),
            data[stream:stream + lengths.stream].decode(),
        )

    cdef int release(self, int32_t slot) except -1:
        self.unindex(slot)
        if self.named:
            PyMem_Free(self.names[slot])
            self.names[slot] = NULL
        self.slots[slot].touched = 0
        self.slots[slot].hash.low = <uint64_t><int64_t>self.first_free
        self.first_free = slot
        self.used -= 1
        return 0

    cdef int32_t oldest(self) except -1:
        cdef Old* candidate
        while True:
            while self.old_at < self.old_count:
                candidate = &self.old[self.old_at]
                self.old_at += 1
                # Touched or released since it was listed: it is old no more.
                if self.slots[candidate.slot].touched == candidate.touched:
                    return candidate.slot
            self.list_old()

    cdef int list_old(self) except -1:
        """List about one state in SAMPLES, none of which was touched after one left out."""
        cdef int32_t slot, count = 0
        cdef uint64_t first = self.touches, bound
        cdef void* block
        for slot in range(self.allocated):
            if self.slots[slot].touched:
                first = min(first, self.slots[slot].touched)
        bound = first + (self.touches - first) // SAMPLES
        for slot in range(self.allocated):
            count += 0 < self.slots[slot].touched <= bound
        block = realloc(self.old, count * sizeof(Old))
        if block == NULL:
            raise MemoryError
        self.old = <Old*>block
        self.old_at = self.old_count = 0
        for slot in range(self.allocated):
            if 0 < self.slots[slot].touched <= bound:
                self.old[self.old_count].slot = slot
                self.old[self.old_count].touched = self.slots[slot].touched
                self.old_count += 1
        qsort(self.old, self.old_count, sizeof(Old), by_touch)
        return 0

    def touch(self, str tenant not None, str session not None, str stream not None):
        """Return the slot of a stream, made if need be."""
        cdef Text texts[3]
        text_open(&texts[0], tenant)
        text_open(&texts[1], session)
        text_open(&texts[2], stream)
        return self.acquire(&texts[0], &texts[1], &texts[2])

    def slot(self, str tenant not None, str session not None, str stream not None):
        """Return the slot of a stream; -1: unknown."""
        cdef Text texts[3]
        cdef Hash hash
        text_open(&texts[0], tenant)
        text_open(&texts[1], session)
        text_open(&texts[2], stream)
        self.hash(&texts[0], &texts[1], &texts[2], &hash)
        return arena_find(self, &hash)

    def _slots(self):
        """Return the slots in use, the one touched longest ago first."""
        cdef int32_t slot
        held = [(self.slots[slot].touched, slot) for slot in range(self.allocated)
                if self.slots[slot].touched]
        held.sort()
        return [slot for _, slot in held]

    def streams(self):
        """Return the names of all streams, the one touched longest ago first."""
        return [self.name_of(slot) for slot in self._slots()]

    def dump(self):
        """Return the states as bytes, in the order of `streams`."""
        blob = PyBytes_FromStringAndSize(NULL, self.used * <Py_ssize_t>self.item)
        cdef char* out = PyBytes_AS_STRING(blob)
        cdef int32_t slot
        for slot in self._slots():
            memcpy(out, arena_state(self, slot), self.item)
            out += self.item
        return blob

    def load(self, list streams not None, bytes blob not None):
        """Take over what `streams` and `dump` returned.

        Raises:
            ValueError: the bytes are not such states.
        """
        cdef const char* data = PyBytes_AS_STRING(blob)
        if PyBytes_GET_SIZE(blob) != <Py_ssize_t>len(streams) * <Py_ssize_t>self.item:
            raise ValueError("not as many states as streams")
        for tenant, session, stream in streams:
            memcpy(arena_state(self, self.touch(tenant, session, stream)), data, self.item)
            data += self.item
