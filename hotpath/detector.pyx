"""The detector: batches in, emissions out. The face of the kernels for services and commands."""

import cython
import msgspec

from hotpath.columns import ColumnsError
from hotpath import meanings
from hotpath import emission as naming
from hotpath.emission import Emission, Scores
from hotpath.model import Model as DefaultModel
from zlib import crc32

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from hotpath.ahead cimport (
    FIND_AFTER,
    MESSAGE_BYTES,
    NEAR_AFTER,
    RING,
    SIQ_FETCH_ALL,
    TAKE_AFTER,
    VISIT_AFTER,
    Ahead,
)
from hotpath.arena cimport arena_approach, arena_find, arena_holds, arena_near, arena_touch
from hotpath.arenas cimport Streams, arenas_mark, stream_state, visit_state
from hotpath.before cimport Before, note
from hotpath.columns cimport (
    COLUMNS_OK,
    ColumnsStatus,
    column_index,
    columns_check,
    columns_open,
    columns_raise,
)
from hotpath.events cimport MAX_EVENTS, MAX_TARGETS, PAGE_VIEW, TRACK
from hotpath.features cimport EMOTIONS as EMOTION_KINDS
from hotpath.features cimport RAGE
from hotpath.hashing cimport Hash, Text, text_open, text_str
from hotpath.message cimport (
    MESSAGE_CROWDED,
    MESSAGE_OK,
    NO_POINTER,
    Message,
    MessageStatus,
    Sender,
    message_clear,
    message_glance,
    message_read,
)
from hotpath.model cimport Model
from hotpath.names cimport Names, names_are
from hotpath.rage_state cimport RAGE_CLICK
from hotpath.sink cimport TERMS_ROOM, Sink, Verdict
from hotpath.state cimport StreamState
from hotpath.stream cimport IGNORED, MAX_SEQ_BITS, Batch, Tally, stream_advance, stream_run
from hotpath.visit cimport VisitState
from hotpath.wakes cimport Wakes, wakes_list, wakes_put


cdef enum:
    # Raise with every change of StreamState's meaning; a change of its size is noticed by itself.
    SNAPSHOT_VERSION = 4
    LOWEST_CLOCK_MS = 0
    NEVER = 101                 # a threshold that no confidence reaches


cdef int64_t HIGHEST_CLOCK_MS = 1 << 52
cdef bytes MAGIC = b"siqstate"
cdef str CROWDED = "more targets or strings than a batch can name"
_BODY = tuple[list[tuple[str, str, str]], bytes, bytes, list[str | None], dict[str, int], int]


cdef void* room(size_t count, size_t size) except NULL:
    """Allocate room, all zero, for so many of that size."""
    cdef void* block = calloc(count, size)
    if block == NULL:
        raise MemoryError
    return block


class SnapshotError(ValueError):
    """The bytes are no snapshot of this version: discard them and rebuild from the log."""


@cython.final
cdef class Detector:
    """Judges the streams of one partition; see detector.pyi."""

    cdef Streams arena
    cdef Model model_in_force   # whose tables the sink has borrowed
    cdef Names names
    cdef Sink* sink             # owned, with the rooms below: scratch for one batch
    cdef Message message
    cdef uint32_t* target_ids   # by target index
    cdef uint32_t* target_flags
    cdef uint32_t* page_ids     # by text index
    cdef uint8_t* meanings      # by text index
    cdef Tally tally
    cdef list emissions
    cdef Wakes pending
    cdef dict configured        # by tenant, as bytes: (thresholds, ignored descriptors as bytes)
    cdef tuple usual            # the same, for everybody else
    cdef tuple in_force         # whichever of them the sink has now

    def __cinit__(self, int capacity=4096, *, int threshold=50, Model model=None):
        if not 0 <= threshold <= 100:
            raise ValueError(f"threshold must be 0 to 100, not {threshold}")
        self.arena = Streams(capacity, sizeof(StreamState))
        self.names = Names()
        self.sink = <Sink*>room(1, sizeof(Sink))
        self.target_ids = <uint32_t*>room(MAX_TARGETS + 1, sizeof(uint32_t))
        self.target_flags = <uint32_t*>room(MAX_TARGETS + 1, sizeof(uint32_t))
        self.page_ids = <uint32_t*>room(2 * MAX_EVENTS + 1, sizeof(uint32_t))
        self.meanings = <uint8_t*>room(2 * MAX_EVENTS + 1, 1)
        self.message.target = <Text*>room(MAX_TARGETS, sizeof(Text))
        self.message.flags = <uint32_t*>room(MAX_TARGETS, sizeof(uint32_t))
        self.message.string = <Text*>room(2 * MAX_EVENTS, sizeof(Text))
        self.configured = {}
        self.usual = ((threshold,) * EMOTION_KINDS, frozenset())
        self.judge_by(self.usual)
        self.use_model(DefaultModel() if model is None else model)
        self.emissions = []
        self.pending = Wakes()

    def __dealloc__(self):
        free(self.sink)
        free(self.target_ids)
        free(self.target_flags)
        free(self.page_ids)
        free(self.meanings)
        free(self.message.target)
        free(self.message.flags)
        free(self.message.string)

    def use_model(self, Model model not None):
        """Judge by another model from now on; see detector.pyi."""
        self.model_in_force = model
        self.sink.tables = &model.tables

    @property
    def model(self):
        """The model in force."""
        return self.model_in_force

    def configure(self, str tenant not None, thresholds, ignored):
        """Judge one tenant's streams in its own way from now on; see detector.pyi."""
        odd = set(thresholds) - set(naming.EMOTIONS)
        if odd:
            raise ValueError(f"no such emotion: {', '.join(sorted(odd))}")
        for value in thresholds.values():
            if not 0 <= value <= NEVER:
                raise ValueError(f"threshold must be 0 to {NEVER}, not {value}")
        key = tenant.encode()
        self.configured.pop(key, None)
        if thresholds or ignored:
            own = tuple(
                thresholds.get(name, self.usual[0][place])
                for place, name in enumerate(naming.EMOTIONS)
            )
            self.configured[key] = (own, frozenset(name.encode() for name in ignored))
        self.judge_by(self.usual)

    cdef inline int judge_for(self, const Text* tenant) except -1:
        """Put the tenant's thresholds into the sink."""
        if self.configured:
            settings = self.configured.get(tenant.data[:tenant.size], self.usual)
            if settings is not self.in_force:
                self.judge_by(settings)
        return 0

    cdef int judge_by(self, tuple settings) except -1:
        cdef int emotion
        for emotion in range(EMOTION_KINDS):
            self.sink.threshold[emotion] = settings[0][emotion]
        self.in_force = settings
        return 0

    cdef int prepare(self, Batch* batch) except -1:
        """Give the message's strings that kernels will keep a number."""
        cdef Message* message = &self.message
        cdef uint32_t i, place
        cdef int kind
        cdef frozenset ignored
        batch.element = self.target_ids
        batch.flags = self.target_flags
        batch.page = self.page_ids
        batch.meaning = self.meanings
        if message.targets:
            ignored = self.in_force[1]
            for i in range(message.targets):
                self.target_ids[i + 1] = self.names.intern(&message.target[i])
                self.target_flags[i + 1] = message.flags[i] & ~<uint32_t>IGNORED
                if ignored and message.target[i].data[:message.target[i].size] in ignored:
                    self.target_flags[i + 1] = IGNORED
        if message.strings == 0:
            return 0
        for i in range(batch.view.count):
            kind = batch.view.kind[i]
            if kind != PAGE_VIEW and kind != TRACK:
                continue
            place = column_index(&batch.view, 1, i)
            if not place:
                continue
            text = &message.string[place - 1]
            if kind == PAGE_VIEW:
                self.page_ids[place] = self.names.intern(text)
                self.meanings[place] = meanings.of_page(text_str(text))
            else:
                self.meanings[place] = meanings.of_event(text_str(text))
        return 0

    cdef int collect(self) except -1:
        """Turn verdicts into emissions, while their names are still known."""
        cdef str tenant = text_str(&self.message.sender.tenant)
        cdef str session = text_str(&self.message.sender.session)
        cdef str stream = text_str(&self.message.sender.stream)
        cdef int i, j
        cdef Verdict* verdict
        for i in range(self.sink.count):
            verdict = &self.sink.items[i]
            evidence = [
                (verdict.evidence[j] >> 16, verdict.evidence[j] & 0xFFFF)
                for j in range(verdict.size)
            ]
            terms = naming.TERMS[
                verdict.emotion, verdict.emotion == RAGE and verdict.trigger >= RAGE_CLICK
            ]
            contributions = [
                (terms[j], verdict.terms[j] / 10.0)
                for j in range(TERMS_ROOM) if verdict.terms[j]
            ]
            self.emissions.append(Emission(
                tenant, session, stream, verdict.episode, verdict.rev,
                naming.EMOTIONS[verdict.emotion], verdict.confidence,
                naming.TRIGGERS[verdict.emotion][verdict.trigger], verdict.t, evidence,
                contributions, self.names.text(verdict.page),
                self.names.text(verdict.element),
            ))
        self.tally.emissions += self.sink.count
        self.sink.count = 0
        return 0

    def apply(
        self, str tenant not None, str session not None, str stream not None, uint64_t seq,
        int64_t t0_ms, int pointer, str page not None, bytes columns not None, targets, strings,
    ):
        """Take one batch; see detector.pyi."""
        cdef Message* message = &self.message
        cdef Py_ssize_t before = len(self.emissions)
        cdef Sender* sender = &message.sender
        cdef Hash hash
        # The message borrows their bytes: a container may make its items anew for each look.
        targets = list(targets)
        strings = list(strings)
        message_clear(message)
        if len(targets) > MAX_TARGETS or len(strings) > 2 * MAX_EVENTS:
            raise ColumnsError(CROWDED)
        text_open(&sender.tenant, tenant)
        text_open(&sender.session, session)
        text_open(&sender.stream, stream)
        text_open(&message.page, page)
        message.columns.data = PyBytes_AS_STRING(columns)
        message.columns.size = PyBytes_GET_SIZE(columns)
        message.seq = seq
        message.t0_ms = t0_ms
        message.pointer = pointer
        for descriptor, flags in targets:
            text_open(&message.target[message.targets], descriptor)
            message.flags[message.targets] = <uint32_t>flags
            message.targets += 1
        for text in strings:
            text_open(&message.string[message.strings], text)
            message.strings += 1
        self.arena.hash(&sender.tenant, &sender.session, &sender.stream, &hash)
        self.take(&hash, arena_find(self.arena, &hash))
        return len(self.emissions) - before

    def apply_encoded(self, list batches not None):
        """Take serialized BehaviorBatches, in order; see detector.pyi."""
        cdef Py_ssize_t count = PyList_GET_SIZE(batches), i
        cdef Ahead ahead[RING]
        for i in range(count):
            if not PyBytes_Check(<object>PyList_GET_ITEM(batches, i)):
                raise TypeError("apply_encoded takes a list of bytes")
        refused = []
        i = 0
        while i < count + TAKE_AFTER:
            try:
                while i < count + TAKE_AFTER:
                    self.look_ahead(batches, i, ahead)
                    if i >= TAKE_AFTER:
                        self.take_encoded(
                            <bytes>PyList_GET_ITEM(batches, i - TAKE_AFTER),
                            &ahead[(i - TAKE_AFTER) & (RING - 1)],
                        )
                    i += 1
            except UnicodeDecodeError as error:
                refused.append((i - TAKE_AFTER, f"a string is not UTF-8: {error}"))
                i += 1
            except ValueError as error:
                refused.append((i - TAKE_AFTER, str(error)))
                i += 1
        return refused

    cdef inline void look_ahead(self, list batches, Py_ssize_t i, Ahead* ahead) noexcept:
        """Let some batches that come next take a step each.

        A look-up has five steps, each of which waits for memory: so it waits while another batch
        is run.
        """
        cdef Py_ssize_t count = PyList_GET_SIZE(batches)
        cdef Streams arena = self.arena
        cdef Ahead* other
        if i < count:
            self.glance(<object>PyList_GET_ITEM(batches, i), &ahead[i & (RING - 1)])
        if NEAR_AFTER <= i < count + NEAR_AFTER:
            arena_near(arena, &ahead[(i - NEAR_AFTER) & (RING - 1)].hash)
        if FIND_AFTER <= i < count + FIND_AFTER:
            other = &ahead[(i - FIND_AFTER) & (RING - 1)]
            other.slot = arena_find(arena, &other.hash)
            if other.slot >= 0:
                # The whole state: no two batches look at the same part of it.
                SIQ_FETCH_ALL(<char*>stream_state(arena, other.slot), sizeof(StreamState))
        if VISIT_AFTER <= i < count + VISIT_AFTER:
            other = &ahead[(i - VISIT_AFTER) & (RING - 1)]
            if other.slot >= 0:
                SIQ_FETCH_ALL(
                    <char*>visit_state(arena, stream_state(arena, other.slot).hot.visit),
                    sizeof(VisitState),
                )

    cdef inline void glance(self, object blob, Ahead* ahead) noexcept:
        """Guess whose message it is, and bring near what a look-up begins with."""
        cdef const char* data = PyBytes_AS_STRING(blob)
        cdef Sender* sender = &ahead.sender
        message_glance(sender, <const uint8_t*>data, <size_t>PyBytes_GET_SIZE(blob))
        SIQ_FETCH_ALL(data + 64, MESSAGE_BYTES - 64)     # the first line has just been read
        self.arena.hash(&sender.tenant, &sender.session, &sender.stream, &ahead.hash)
        arena_approach(self.arena, &ahead.hash)

    cdef int take_encoded(self, bytes blob, Ahead* ahead) except -1:
        cdef Message* message = &self.message
        cdef Sender* sender = &message.sender
        cdef MessageStatus status
        message_clear(message)
        status = message_read(
            message, &ahead.sender, <const uint8_t*>PyBytes_AS_STRING(blob),
            <size_t>PyBytes_GET_SIZE(blob),
        )
        if status == MESSAGE_CROWDED:
            raise ColumnsError(CROWDED)
        if status != MESSAGE_OK:
            raise ColumnsError("not a BehaviorBatch")
        if (
            sender.tenant.data != ahead.sender.tenant.data
            or sender.session.data != ahead.sender.session.data
            or sender.stream.data != ahead.sender.stream.data
        ):
            self.arena.hash(&sender.tenant, &sender.session, &sender.stream, &ahead.hash)
            ahead.slot = -1
        # What came before in the list may have made this stream, or evicted it.
        if ahead.slot < 0 or not arena_holds(self.arena, ahead.slot, &ahead.hash):
            ahead.slot = arena_find(self.arena, &ahead.hash)
        return self.take(&ahead.hash, ahead.slot)

    cdef int take(self, const Hash* hash, int32_t slot) except -1:
        """Take the batch that `message` holds, for the stream of that slot; -1: a new one."""
        cdef Message* message = &self.message
        cdef Sender* sender = &message.sender
        cdef Batch batch
        cdef Before then
        cdef ColumnsStatus status = columns_open(
            &batch.view, <const uint8_t*>message.columns.data, <size_t>message.columns.size
        )
        if status == COLUMNS_OK:
            status = columns_check(&batch.view, message.targets, message.strings)
        if status != COLUMNS_OK:
            columns_raise(status)
        if not LOWEST_CLOCK_MS <= message.t0_ms <= HIGHEST_CLOCK_MS:
            raise ColumnsError(f"t0 {message.t0_ms} is no time")
        if message.seq >> MAX_SEQ_BITS:
            raise ColumnsError(f"seq {message.seq} is beyond 32 bits")
        if message.pointer == NO_POINTER:
            # A server's word: nobody to judge, and no visitor's state may give way to it.
            self.tally.batches += 1
            return 0
        self.judge_for(&sender.tenant)
        self.prepare(&batch)
        cdef uint32_t page_id
        if slot >= 0 and names_are(
            self.names, stream_state(self.arena, slot).hot.page, &message.page
        ):
            page_id = 0         # most frames come from the page of the one before
        else:
            page_id = self.names.intern(&message.page)
        if slot >= 0:
            arena_touch(self.arena, slot)
        else:
            slot = self.arena.take(&sender.tenant, &sender.session, &sender.stream, hash, slot)
        cdef StreamState* state = stream_state(self.arena, slot)
        cdef VisitState* visit = visit_state(self.arena, state.hot.visit)
        self.tally.batches += 1
        if message.seq:
            if message.seq <= state.hot.last_seq:
                self.tally.duplicates += 1
                return 0
            state.hot.last_seq = <uint32_t>message.seq
        if page_id:
            state.hot.page = page_id
        batch.seq = message.seq
        batch.t = message.t0_ms
        batch.at = 0
        batch.pointer = message.pointer
        note(state, &then)
        while not stream_run(state, visit, &batch, self.sink, &self.tally):
            self.collect()
        self.settle(state, visit, &then)
        if self.names.live > self.names.limit:
            self.sweep()
        return 0

    cdef int settle(self, StreamState* state, VisitState* visit, const Before* then) except -1:
        """Hand on what a stream has come to."""
        if self.sink.count:
            self.collect()
        if (
            state.rage.observed != then.observed or state.rage.answered != then.answered
            or state.rage.peak != then.peak or state.rage.automated != then.automated
        ):
            visit.observed += state.rage.observed - then.observed
            visit.answered += state.rage.answered - then.answered
            visit.automated |= state.rage.automated
            visit.peak[<int>RAGE] = max(visit.peak[<int>RAGE], state.rage.peak)
        if state.hot.due and state.hot.due != then.due:
            self.pending.put(
                &self.message.sender.tenant, &self.message.sender.session,
                &self.message.sender.stream, state.hot.due,
            )
        return 0

    def advance(
        self, str tenant not None, str session not None, str stream not None, int64_t t_ms
    ):
        """Move the clock of one stream; see detector.pyi."""
        cdef int32_t slot = self.arena.slot(tenant, session, stream)
        cdef Py_ssize_t before = len(self.emissions)
        cdef StreamState* state
        cdef VisitState* visit
        cdef Before then
        if slot < 0 or t_ms > HIGHEST_CLOCK_MS:
            return 0
        state = stream_state(self.arena, slot)
        visit = visit_state(self.arena, state.hot.visit)
        note(state, &then)
        text_open(&self.message.sender.tenant, tenant)
        text_open(&self.message.sender.session, session)
        text_open(&self.message.sender.stream, stream)
        self.judge_for(&self.message.sender.tenant)
        stream_advance(state, visit, self.sink, t_ms)
        self.settle(state, visit, &then)
        return len(self.emissions) - before

    def drain(self):
        """Hand over the emissions made since the last call."""
        out = self.emissions
        self.emissions = []
        return out

    @property
    def has_news(self):
        """Whether `drain` or `wakes` would hand over anything."""
        return self.pending.size != 0 or len(self.emissions) != 0

    def wakes(self):
        """Hand over the timers set since the last call."""
        return wakes_list(self.pending.take())

    def wakes_encoded(self):
        """Hand them over as fields of a DetectResponse; see detector.pyi."""
        return self.pending.take()

    cdef int name_timers(self, Wakes wakes) except -1:
        cdef int32_t slot
        for slot in self.arena._slots():
            if stream_state(self.arena, slot).hot.due:
                wakes_put(wakes, self.arena.name_of(slot), stream_state(self.arena, slot).hot.due)
        return 0

    def timers_encoded(self):
        """Name every timer that is pending; see detector.pyi."""
        wakes = Wakes()
        self.name_timers(wakes)
        return wakes.take()

    def scores(self, str tenant not None, str session not None):
        """Return the session's peak scores; see detector.pyi."""
        cdef int32_t slot = self.arena.visits.slot(tenant, session, "")
        cdef VisitState* visit
        cdef long long silent
        if slot < 0:
            return Scores(**dict.fromkeys(naming.EMOTIONS, 0), unanswered=0, automated=False)
        visit = visit_state(self.arena, <uint32_t>slot)
        silent = max(<long long>visit.observed - <long long>visit.answered, 0)
        peaks = {
            name: 0 if visit.automated else visit.peak[emotion]
            for emotion, name in enumerate(naming.EMOTIONS)
        }
        return Scores(
            **peaks,
            # Two presses more than there were: one silent press is not yet a silent page.
            unanswered=round(100 * silent / (<long long>visit.observed + 2)),
            automated=visit.automated != 0,
        )

    def evict_idle(self, int64_t before_ms):
        """Drop streams whose clock is behind `before_ms`; see detector.pyi."""
        return self.arena.evict_idle(before_ms)

    def __len__(self):
        return self.arena.used

    @property
    def counters(self):
        """What was counted since the start; see detector.pyi."""
        return {
            "batches": self.tally.batches,
            "events": self.tally.events,
            "clamped": self.tally.clamped,
            "dropped_late": self.tally.late,
            "dropped_unknown": self.tally.unknown,
            "dropped_duplicate_batches": self.tally.duplicates,
            "emissions": self.tally.emissions,
            "evicted": self.arena.evicted,
        }

    cdef int sweep(self) except -1:
        """Forget the names that no stream holds."""
        cdef uint32_t texts = len(self.names.dump())
        cdef unsigned char* marks = <unsigned char*>room(texts, 1)
        try:
            arenas_mark(self.arena, marks)
            self.names.sweep(marks)
        finally:
            free(marks)
        return 0

    def snapshot(self):
        """Return the state of every stream as bytes; see detector.pyi."""
        if self.emissions:
            raise SnapshotError("drain the emissions first: a snapshot does not hold them")
        self.sweep()
        body = msgspec.msgpack.encode(
            [
                self.arena.streams(), self.arena.dump(), self.arena.dump_visits(),
                self.names.dump(), self.tally, self.arena.evicted,
            ]
        )
        head = msgspec.msgpack.encode([SNAPSHOT_VERSION, sizeof(StreamState), crc32(body)])
        return MAGIC + bytes([len(head)]) + head + body

    def restore(self, bytes blob not None):
        """Take over a snapshot; see detector.pyi."""
        cdef int at = len(MAGIC) + 1
        cdef Tally counted
        try:
            if not blob.startswith(MAGIC) or len(blob) < at:
                raise SnapshotError("not a snapshot")
            version, size, crc = msgspec.msgpack.decode(blob[at : at + blob[at - 1]])
            body = blob[at + blob[at - 1] :]
            if version != SNAPSHOT_VERSION or size != sizeof(StreamState):
                raise SnapshotError(f"a snapshot of version {version} with states of {size} bytes")
            if crc != crc32(body):
                raise SnapshotError("the snapshot is damaged")
            streams, states, visits, texts, tally, evicted = msgspec.msgpack.decode(
                body, type=_BODY
            )
            arena = Streams(max(self.arena.capacity, len(streams)), sizeof(StreamState))
            arena.restore(streams, states, visits, len(texts))
            arena.evicted = evicted
            if texts[:1] != [""]:
                raise SnapshotError("number 0 is no name")
            counted = tally     # an int may be missing, or not fit
        except SnapshotError:
            raise
        except (ValueError, TypeError, OverflowError) as error:
            raise SnapshotError(f"not a snapshot: {error}") from None
        self.arena = arena
        self.names.load(texts)
        self.tally = counted
        self.emissions = []
        self.pending = Wakes()
        self.name_timers(self.pending)
