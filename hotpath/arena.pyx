"""Arenas: where states live, by (tenant, session, stream)."""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort, realloc

from posix.stdlib cimport posix_memalign
from libc.string cimport memcpy, memset

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef extern from *:
    """
    #include <stdint.h>
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
    static inline void SIQ_MULTIPLY(
        unsigned long long a, unsigned long long b, uint64_t *low, uint64_t *high)
    {
        unsigned __int128 product = (unsigned __int128)a * b;
        *low = (uint64_t)product;
        *high = (uint64_t)(product >> 64);
    }
    """
    # Ask for huge pages: with a million states, half the time would go into finding pages.
    void SIQ_HUGE(void* block, size_t size) noexcept nogil
    void SIQ_MULTIPLY(uint64_t a, uint64_t b, uint64_t* low, uint64_t* high) noexcept nogil


cdef enum:
    CACHE_LINE = 64
    FIRST_STATES = 64
    SAMPLES = 64        # one state in so many is listed as old at a time


cdef inline void stir(Hash* hash, uint64_t word) noexcept nogil:
    """Stir a word into both halves (multiply and fold, as wyhash does)."""
    cdef uint64_t low, high
    SIQ_MULTIPLY(hash.low ^ word, <uint64_t>0xE7037ED1A0B428DB, &low, &high)
    hash.low = low ^ high ^ hash.high
    SIQ_MULTIPLY(hash.high + word, <uint64_t>0x8EBC6AF09C88C6E3, &low, &high)
    hash.high = low ^ high


cdef int hash_text(Hash* hash, str text) except -1:
    """Stir a text into both halves."""
    cdef Py_ssize_t size
    cdef const char* data = PyUnicode_AsUTF8AndSize(text, &size)
    cdef uint64_t word
    # The length keeps ("a", "bc") from ("ab", "c").
    stir(hash, <uint64_t>size)
    while size >= 8:
        memcpy(&word, data, 8)
        stir(hash, word)
        data += 8
        size -= 8
    if size:
        word = 0
        while size:
            size -= 1
            word = word << 8 | <unsigned char>data[size]
        stir(hash, word)
    return 0


cdef int by_touch(const void* a, const void* b) noexcept nogil:
    cdef uint64_t one = (<const Old*>a).touched, other = (<const Old*>b).touched
    return (one > other) - (one < other)


cdef class Arena:
    """States by (tenant, session, stream); see arena.pxd."""

    def __cinit__(self, int capacity, size_t item, bint named=True):
        if not 1 <= capacity <= 1 << 24:
            raise ValueError(f"capacity must be 1 to {1 << 24} streams, not {capacity}")
        self.capacity = capacity
        self.item = (item + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
        self.named = named
        self.first_free = -1
        self.names = []
        self.seed.low = int.from_bytes(os.urandom(8), "little")
        self.seed.high = int.from_bytes(os.urandom(8), "little")
        self.grow()

    def __dealloc__(self):
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
            self.names.extend([None] * (room - self.allocated))
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

    cdef int hash(self, str tenant, str session, str stream, Hash* hash) except -1:
        hash[0] = self.seed
        hash_text(hash, tenant)
        hash_text(hash, session)
        hash_text(hash, stream)
        stir(hash, self.seed.high)      # so that the last word, too, moves every bit
        return 0

    cdef int32_t find(self, const Hash* hash) noexcept nogil:
        cdef uint32_t at = <uint32_t>hash.low & self.mask
        cdef int32_t slot
        while True:
            slot = self.table[at]
            if slot < 0 or (
                self.slots[slot].hash.low == hash.low and self.slots[slot].hash.high == hash.high
            ):
                return slot
            at = (at + 1) & self.mask

    cdef int32_t acquire(self, str tenant, str session, str stream) except -1:
        cdef Hash hash
        self.hash(tenant, session, stream, &hash)
        return self.take(tenant, session, stream, &hash, self.find(&hash))

    cdef int32_t take(
        self, str tenant, str session, str stream, const Hash* hash, int32_t slot
    ) except -1:
        self.touches += 1
        if slot >= 0:
            self.slots[slot].touched = self.touches
            return slot
        if self.first_free < 0:
            if self.allocated < self.capacity:
                self.grow()
            else:
                self.evicted += 1
                self.release(self.oldest())
        slot = self.first_free
        if self.named:
            self.names[slot] = f"{len(tenant)} {len(session)} {tenant}{session}{stream}"
        self.first_free = <int32_t><int64_t>self.slots[slot].hash.low
        memset(arena_state(self, slot), 0, self.item)
        self.slots[slot].hash = hash[0]
        self.slots[slot].touched = self.touches
        self.index(slot)
        self.used += 1
        self.begin(slot, tenant, session)
        return slot

    cdef int begin(self, int32_t slot, str tenant, str session) except -1:
        return 0

    cdef tuple name_of(self, int32_t slot):
        # One string is less than half the size of a tuple of three.
        tenant, session, text = (<str>self.names[slot]).split(" ", 2)
        cdef Py_ssize_t first = int(tenant), second = first + int(session)
        return text[:first], text[first:second], text[second:]

    cdef int release(self, int32_t slot) except -1:
        self.unindex(slot)
        if self.named:
            self.names[slot] = None
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
        return self.acquire(tenant, session, stream)

    def slot(self, str tenant not None, str session not None, str stream not None):
        """Return the slot of a stream; -1: unknown."""
        cdef Hash hash
        self.hash(tenant, session, stream, &hash)
        return self.find(&hash)

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
            memcpy(arena_state(self, self.acquire(tenant, session, stream)), data, self.item)
            data += self.item
