"""The arenas of a detector: its streams, and the visits that they are part of."""

import cython

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy

from hotpath.arena cimport Arena
from hotpath.features cimport EMOTIONS, FEATURES
from hotpath.hashing cimport Text
from hotpath.mood cimport MARKS
from hotpath.rage_state cimport PRESSES
from hotpath.state cimport HELD, HotState
from hotpath.visit cimport PAGES


# No event comes to it: batches begin at 2**52 at the latest, and last 68 years at most.
cdef int64_t NO_CLOCK_MS = 1 << 53

HOT_STATE_BYTES = sizeof(HotState)
STREAM_STATE_BYTES = sizeof(StreamState)
VISIT_STATE_BYTES = sizeof(VisitState)


@cython.final
cdef class Streams(Arena):
    """States of streams; see arenas.pyi."""

    def __cinit__(self, int capacity, size_t item):
        self.visits = Arena(capacity, sizeof(VisitState), named=False)

    cdef int begin(self, int32_t slot, const Text* tenant, const Text* session) except -1:
        cdef StreamState* state = stream_state(self, slot)
        cdef Text nothing = Text(b"", 0)
        state.hot.clock = -1
        state.hot.visit = <uint32_t>self.visits.acquire(tenant, session, &nothing)
        visit_state(self, state.hot.visit).streams += 1
        return 0

    cdef int release(self, int32_t slot) except -1:
        cdef uint32_t place = stream_state(self, slot).hot.visit
        cdef VisitState* visit = visit_state(self, place)
        visit.streams -= 1
        if visit.streams == 0:
            self.visits.release(<int32_t>place)
        return Arena.release(self, slot)

    def evict_idle(self, long long before_ms):
        """Evict streams whose clock is behind `before_ms`; return how many."""
        cdef int32_t slot
        cdef int count = 0
        for slot in range(self.allocated):
            if self.slots[slot].touched and stream_state(self, slot).hot.clock < before_ms:
                self.release(slot)
                count += 1
        self.evicted += count
        return count

    def restore(self, list streams not None, bytes states not None, bytes visits not None,
                uint32_t texts):
        """Take over what `streams`, `dump` and `visits.dump` returned; `texts` bounds the ids.

        Raises:
            ValueError: the bytes are not such states. The arena is then partly filled: drop it.
        """
        cdef int32_t slot
        cdef StreamState* state
        cdef uint32_t place, streams_held
        cdef size_t number
        cdef const char* data = PyBytes_AS_STRING(visits)
        keys = list(dict.fromkeys((tenant, session, "") for tenant, session, _ in streams))
        if len(visits) != len(keys) * <Py_ssize_t>sizeof(VisitState):
            raise ValueError("not as many visits as sessions")
        self.load(streams, states)
        for slot in range(self.allocated):
            if not self.slots[slot].touched:
                continue
            state = stream_state(self, slot)
            tenant, session, _ = self.name_of(slot)
            state.hot.visit = <uint32_t>self.visits.slot(tenant, session, "")
            check_stream(state, texts)
        for number, key in enumerate(keys):
            place = <uint32_t>self.visits.slot(key[0], key[1], "")
            streams_held = visit_state(self, place).streams
            memcpy(visit_state(self, place), data + number * sizeof(VisitState), sizeof(VisitState))
            visit_state(self, place).streams = streams_held
            check_visit(visit_state(self, place), texts)

    def dump_visits(self):
        """Return the states of the visits, in the order in which `streams` first names them."""
        keys = dict.fromkeys((tenant, session) for tenant, session, _ in self.streams())
        return b"".join(
            (<char*>visit_state(self, self.visits.slot(tenant, session, "")))[:sizeof(VisitState)]
            for tenant, session in keys
        )


cdef int check_stream(const StreamState* state, uint32_t texts) except -1:
    """Refuse a state that would make a kernel read where it must not, or drop all that comes."""
    cdef int i, j
    if (
        not -1 <= state.hot.clock < NO_CLOCK_MS
        or state.rage.length > PRESSES or state.rage.head >= PRESSES
        or state.hot.page >= texts or state.rage.episode_element >= texts
    ):
        raise ValueError("a state is damaged")
    for i in range(PRESSES):
        if state.rage.element[i] >= texts:
            raise ValueError("a state is damaged")
    for i in range(<int>HELD):
        if state.held[i] >= texts:
            raise ValueError("a state is damaged")
    for i in range(EMOTIONS):
        if (
            state.mood[i].length > MARKS or state.mood[i].head >= MARKS
            or state.mood[i].element >= texts
        ):
            raise ValueError("a state is damaged")
        for j in range(MARKS):
            if state.mood[i].marks[j].feature >= FEATURES:
                raise ValueError("a state is damaged")
    return 0


cdef int check_visit(const VisitState* visit, uint32_t texts) except -1:
    cdef int i
    if visit.length > PAGES:
        raise ValueError("a visit is damaged")
    for i in range(PAGES):
        if visit.pages[i].page >= texts:
            raise ValueError("a visit is damaged")
    return 0


cdef int arenas_mark(Streams streams, unsigned char* marks) except -1:
    cdef StreamState* state
    cdef VisitState* visit
    cdef int i
    cdef int32_t slot
    for slot in range(streams.allocated):
        if not streams.slots[slot].touched:
            continue
        state = stream_state(streams, slot)
        marks[state.hot.page] = 1
        marks[state.rage.episode_element] = 1
        for i in range(PRESSES):
            marks[state.rage.element[i]] = 1
        for i in range(<int>HELD):
            marks[state.held[i]] = 1
        for i in range(EMOTIONS):
            marks[state.mood[i].element] = 1
        visit = visit_state(streams, state.hot.visit)
        for i in range(PAGES):
            marks[visit.pages[i].page] = 1
    return 0
