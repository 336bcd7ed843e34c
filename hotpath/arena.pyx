"""Arenas: where states live, by (tenant, session, stream)."""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_Compare
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


cdef enum:
    FIRST_STREAMS = 64


cdef uint64_t hash_text(uint64_t h, str text) except? 0:
    cdef Py_ssize_t size
    cdef const char* data = PyUnicode_AsUTF8AndSize(text, &size)
    cdef uint64_t word
    h = stir(h ^ <uint64_t>size)    # the length keeps ("a", "bc") from ("ab", "c")
    while size > 0:
        word = 0
        memcpy(&word, data, min(size, <Py_ssize_t>8))
        h = stir(h ^ word)
        data += 8
        size -= 8
    return h


cdef class Arena:
    """States by (tenant, session, stream); see arena.pxd."""

    def __cinit__(self, int capacity, size_t item):
        if not 1 <= capacity <= 1 << 24:
            raise ValueError(f"capacity must be 1 to {1 << 24} streams, not {capacity}")
        self.capacity = capacity
        self.item = item
        self.newest = self.oldest = self.first_free = -1
        self.names = []
        self.seed = int.from_bytes(os.urandom(8), "little")
        self.grow()

    def __dealloc__(self):
        free(self.states)
        free(self.slots)
        free(self.table)

    def __len__(self):
        return self.used

    cdef int grow(self) except -1:
        """Double the room, or make the first."""
        cdef int32_t room = min(max(self.allocated * 2, <int32_t>FIRST_STREAMS), self.capacity)
        cdef int32_t slot
        cdef uint32_t size = 1
        cdef void* block
        while size < 2 * <uint32_t>room:
            size *= 2
        block = realloc(self.states, room * self.item)
        if block == NULL:
            raise MemoryError
        self.states = <char*>block
        block = realloc(self.slots, room * sizeof(Slot))
        if block == NULL:
            raise MemoryError
        self.slots = <Slot*>block
        block = realloc(self.table, size * sizeof(int32_t))
        if block == NULL:
            raise MemoryError
        self.table = <int32_t*>block
        self.mask = size - 1
        memset(self.table, 0xFF, size * sizeof(int32_t))
        slot = self.newest
        while slot >= 0:
            self.index(slot)
            slot = self.slots[slot].older
        for slot in range(room - 1, self.allocated - 1, -1):
            self.slots[slot].next_free = self.first_free
            self.first_free = slot
        self.names.extend([None] * (room - self.allocated))
        self.allocated = room
        return 0

    cdef void link(self, int32_t slot) noexcept nogil:
        self.slots[slot].newer = -1
        self.slots[slot].older = self.newest
        if self.newest >= 0:
            self.slots[self.newest].newer = slot
        else:
            self.oldest = slot
        self.newest = slot

    cdef void unlink(self, int32_t slot) noexcept nogil:
        cdef int32_t newer = self.slots[slot].newer, older = self.slots[slot].older
        if newer >= 0:
            self.slots[newer].older = older
        else:
            self.newest = older
        if older >= 0:
            self.slots[older].newer = newer
        else:
            self.oldest = newer

    cdef void index(self, int32_t slot) noexcept nogil:
        cdef uint32_t at = <uint32_t>self.slots[slot].hash & self.mask
        while self.table[at] >= 0:
            at = (at + 1) & self.mask
        self.table[at] = slot

    cdef void unindex(self, int32_t slot) noexcept nogil:
        cdef uint32_t at = <uint32_t>self.slots[slot].hash & self.mask, hole, home
        while self.table[at] != slot:
            at = (at + 1) & self.mask
        # Close the gap: move back whoever probed past it.
        hole = at
        while True:
            at = (at + 1) & self.mask
            if self.table[at] < 0:
                break
            home = <uint32_t>self.slots[self.table[at]].hash & self.mask
            if ((at - home) & self.mask) >= ((at - hole) & self.mask):
                self.table[hole] = self.table[at]
                hole = at
        self.table[hole] = -1

    cdef uint64_t hash(self, str tenant, str session, str stream) except? 0:
        return hash_text(hash_text(hash_text(self.seed, tenant), session), stream)

    cdef int32_t find(self, str tenant, str session, str stream, uint64_t hash) except -2:
        cdef uint32_t at = <uint32_t>hash & self.mask
        cdef int32_t slot
        cdef tuple key
        while True:
            slot = self.table[at]
            if slot < 0:
                return -1
            if self.slots[slot].hash == hash:
                key = <tuple>self.names[slot]
                if (
                    PyUnicode_Compare(key[1], session) == 0
                    and PyUnicode_Compare(key[2], stream) == 0
                    and PyUnicode_Compare(key[0], tenant) == 0
                ):
                    return slot
            at = (at + 1) & self.mask

    cdef int32_t acquire(self, str tenant, str session, str stream) except -1:
        cdef uint64_t hash = self.hash(tenant, session, stream)
        cdef int32_t slot = self.find(tenant, session, stream, hash)
        if slot >= 0:
            if slot != self.newest:
                self.unlink(slot)
                self.link(slot)
            return slot
        if self.first_free < 0:
            if self.allocated < self.capacity:
                self.grow()
            else:
                self.evicted += 1
                self.release(self.oldest)
        slot = self.first_free
        self.names[slot] = (tenant, session, stream)
        self.first_free = self.slots[slot].next_free
        memset(arena_state(self, slot), 0, self.item)
        self.slots[slot].hash = hash
        self.index(slot)
        self.link(slot)
        self.used += 1
        self.begin(slot)
        return slot

    cdef int begin(self, int32_t slot) except -1:
        return 0

    cdef int release(self, int32_t slot) except -1:
        self.unindex(slot)
        self.unlink(slot)
        self.names[slot] = None
        self.slots[slot].next_free = self.first_free
        self.first_free = slot
        self.used -= 1
        return 0

    def touch(self, str tenant not None, str session not None, str stream not None):
        """Return the slot of a stream, made if need be."""
        return self.acquire(tenant, session, stream)

    def slot(self, str tenant not None, str session not None, str stream not None):
        """Return the slot of a stream; -1: unknown."""
        return self.find(tenant, session, stream, self.hash(tenant, session, stream))

    def streams(self):
        """Return the names of all streams, the one touched longest ago first."""
        cdef int32_t slot = self.oldest
        out = []
        while slot >= 0:
            out.append(self.names[slot])
            slot = self.slots[slot].newer
        return out

    def dump(self):
        """Return the states as bytes, in the order of `streams`."""
        blob = PyBytes_FromStringAndSize(NULL, self.used * <Py_ssize_t>self.item)
        cdef char* out = PyBytes_AS_STRING(blob)
        cdef int32_t slot = self.oldest
        while slot >= 0:
            memcpy(out, arena_state(self, slot), self.item)
            out += self.item
            slot = self.slots[slot].newer
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
