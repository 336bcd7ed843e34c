"""Names: strings that kernels know by number."""

import os

import cython

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from hotpath.hashing cimport Hash, Text, hash_text, stir, text_open, text_str


cdef enum:
    FIRST_LIMIT = 1024


@cython.final
cdef class Names:
    """Strings by number; see names.pxd."""

    def __cinit__(self):
        self.seed.low = int.from_bytes(os.urandom(8), "little")
        self.seed.high = int.from_bytes(os.urandom(8), "little")
        self.load([""])

    def __dealloc__(self):
        free(self.hashes)
        free(self.table)

    def __len__(self):
        return self.live

    cdef void hash(self, const Text* text, Hash* hash) noexcept nogil:
        cdef Hash stirred = self.seed
        stir(&stirred, <uint64_t>text.size)
        hash_text(&stirred, text)
        stir(&stirred, self.seed.high)      # so that the last word, too, moves every bit
        hash[0] = stirred

    cdef void index(self, uint32_t number) noexcept nogil:
        cdef uint32_t at = <uint32_t>self.hashes[number].low & self.mask
        while self.table[at]:
            at = (at + 1) & self.mask
        self.table[at] = number

    cdef int resize(self, uint32_t room) except -1:
        """Make room for so many numbers, and a table that is at most half full."""
        cdef uint32_t size = 1, number
        cdef void* block
        while size < 2 * room:
            size *= 2
        block = realloc(self.hashes, room * sizeof(Hash))
        if block == NULL:
            raise MemoryError
        self.hashes = <Hash*>block
        block = realloc(self.table, size * sizeof(uint32_t))
        if block == NULL:
            raise MemoryError
        self.table = <uint32_t*>block
        memset(self.table, 0, size * sizeof(uint32_t))
        self.mask = size - 1
        self.room = room
        for number in range(1, <uint32_t>len(self.texts)):
            if self.texts[number] is not None:
                self.index(number)
        return 0

    cdef uint32_t intern(self, const Text* text) except? 0:
        cdef Hash hash
        cdef uint32_t at, number
        if text.size == 0:
            return 0
        self.hash(text, &hash)
        at = <uint32_t>hash.low & self.mask
        while True:
            number = self.table[at]
            if number == 0:
                return self.add(text_str(text), &hash)
            if self.hashes[number].low == hash.low and self.hashes[number].high == hash.high:
                return number
            at = (at + 1) & self.mask

    cdef uint32_t add(self, str text, const Hash* hash) except? 0:
        cdef uint32_t number
        if self.free:
            number = self.free.pop()
            self.texts[number] = text
        else:
            number = <uint32_t>len(self.texts)
            if number == self.room:
                self.resize(2 * self.room)
            self.texts.append(text)
        self.hashes[number] = hash[0]
        self.index(number)
        self.live += 1
        return number

    cdef str text(self, uint32_t number):
        return self.texts[number]

    cdef int sweep(self, const unsigned char* marks) except -1:
        cdef Py_ssize_t number
        for number in range(1, len(self.texts)):
            if self.texts[number] is not None and not marks[number]:
                self.texts[number] = None
                self.free.append(number)
                self.live -= 1
        self.resize(self.room)
        self.limit = max(FIRST_LIMIT, 2 * self.live)
        return 0

    def dump(self):
        """Return the texts by number, None where free."""
        return list(self.texts)

    def load(self, list texts not None):
        """Take over what `dump` returned."""
        cdef uint32_t number, room = max(<uint32_t>FIRST_LIMIT, <uint32_t>len(texts))
        cdef Text text
        self.texts = []             # what `resize` has to index: nothing yet
        self.resize(room)
        self.texts = list(texts)
        self.free = []
        self.live = 1
        for number in range(1, <uint32_t>len(texts)):
            if texts[number] is None:
                self.free.append(number)
                continue
            text_open(&text, texts[number])
            self.hash(&text, &self.hashes[number])
            self.index(number)
            self.live += 1
        self.limit = max(FIRST_LIMIT, 2 * self.live)
