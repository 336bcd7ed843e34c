"""Events as columns: from wire arrays, back to wire arrays, and safe reading of untrusted bytes."""

import json

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Check
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_Check, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from cpython.unicode cimport PyUnicode_Check
from libc.math cimport NAN, floor, isfinite, isinf, isnan
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

import cython

from hotpath import fields

from hotpath.events cimport (
    EVENT_KINDS,
    FLAG,
    MAX_EVENTS,
    MAX_TARGETS,
    NUMBER,
    PROPS,
    TARGET,
    TEXT,
)
from hotpath.specs cimport SPECS, EventSpec, FieldSpec


cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

# Where from_wire writes before it knows which sections it needs. One for the process: the GIL is
# held from the first write to the last read, and nothing called in between comes back here.
cdef struct Scratch:
    uint8_t kind[MAX_EVENTS]
    uint32_t dt[MAX_EVENTS]
    uint16_t index[COLUMNS_INDEXES][MAX_EVENTS]
    float number[COLUMNS_NUMBERS][MAX_EVENTS]


cdef Scratch scratch
cdef double MAX_DT = fields.MAX_DT_MS
cdef Py_ssize_t MAX_STRING = fields.MAX_STRING
cdef Py_ssize_t MAX_PROPS = fields.MAX_PROPS


class ColumnsError(ValueError):
    """The bytes are not a batch of columns."""


class WireError(ValueError):
    """An event of a frame breaks the protocol. `index` is its place from 0, `reason` a word."""

    def __init__(self, index, reason):
        super().__init__(f"event {index}: {reason}")
        self.index = index
        self.reason = reason


@cython.final
@cython.freelist(32)
cdef class Columns:
    """One batch in column form. Immutable."""

    cdef readonly bytes blob
    cdef readonly int count
    cdef readonly int skipped
    cdef readonly long long duration_ms
    cdef readonly unsigned long long kinds
    cdef readonly list targets
    cdef readonly list strings


cdef class _Tables:
    """The targets and strings that one batch names, each once, in order of first use."""

    cdef object known           # the connection's table: index -> (descriptor, flags)
    cdef dict target_places
    cdef dict string_places
    cdef list targets
    cdef list strings

    cdef int add_target(self, object item, Py_ssize_t index) except -1:
        cdef object place
        if not PyLong_CheckExact(item):
            raise WireError(index, "bad_target")
        if item == 0:
            return 0
        place = self.target_places.get(item)
        if place is None:
            target = self.known.get(item)
            if target is None:
                raise WireError(index, "bad_target")
            self.targets.append(target)
            place = len(self.targets)
            self.target_places[item] = place
        return place

    cdef int add_string(self, object text, Py_ssize_t limit, Py_ssize_t index) except -1:
        cdef object place
        cdef Py_ssize_t size
        if not PyUnicode_Check(text) or PyUnicode_GET_LENGTH(text) > limit:
            raise WireError(index, "bad_string")
        place = self.string_places.get(text)
        if place is None:
            try:
                # A lone surrogate has no UTF-8 and would break every protobuf after this.
                PyUnicode_AsUTF8AndSize(text, &size)
            except UnicodeEncodeError:
                raise WireError(index, "bad_string") from None
            self.strings.append(text)
            place = len(self.strings)
            self.string_places[text] = place
        return place


cdef double _as_number(object item, Py_ssize_t index, str reason) except? -1:
    """Return a finite number; refuse anything else, booleans included."""
    cdef double value
    if PyFloat_CheckExact(item):
        value = PyFloat_AS_DOUBLE(item)
    elif PyLong_CheckExact(item):
        try:
            value = PyLong_AsDouble(item)
        except OverflowError:
            raise WireError(index, reason) from None
    else:
        raise WireError(index, reason)
    if not isfinite(value):
        raise WireError(index, reason)
    return value


cdef float _as_field(object item, const FieldSpec* spec, Py_ssize_t index) except? -1:
    cdef double value
    cdef float narrow
    if spec.kind == FLAG and (item is True or item is False):
        return 1 if item is True else 0
    value = _as_number(item, index, "bad_number")
    narrow = <float>value
    if isinf(narrow) or (spec.kind != NUMBER and value < 0):
        raise WireError(index, "bad_number")
    if spec.limit and (value >= spec.limit or value != floor(value)):
        raise WireError(index, "bad_number")
    return narrow


cdef int _put_field(
    Py_ssize_t row, const FieldSpec* spec, object item, Py_ssize_t index, _Tables tables
) except -1:
    cdef int place
    if spec.kind == TARGET:
        place = tables.add_target(item, index)
    elif spec.kind == TEXT:
        place = tables.add_string(item, MAX_STRING, index)
    elif spec.kind == PROPS:
        if not PyDict_Check(item):
            raise WireError(index, "bad_props")
        try:
            text = json.dumps(item, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        except (ValueError, TypeError, RecursionError):
            raise WireError(index, "bad_props") from None
        place = tables.add_string(text, MAX_PROPS, index)
    else:
        scratch.number[spec.column - COLUMNS_INDEXES][row] = _as_field(item, spec, index)
        return 1 << spec.column
    scratch.index[spec.column][row] = place
    return 1 << spec.column if place else 0


cdef bytes _pack(Py_ssize_t count, int mask):
    """Copy the sections of `mask` out of the scratch space."""
    cdef Py_ssize_t size = COLUMNS_HEADER + 5 * count
    cdef int column
    cdef uint16_t header
    for column in range(COLUMNS_SECTIONS):
        if mask >> column & 1:
            size += (2 if column < COLUMNS_INDEXES else 4) * count
    blob = PyBytes_FromStringAndSize(NULL, size)
    cdef char* out = PyBytes_AS_STRING(blob)
    header = <uint16_t>count
    memcpy(out, &header, 2)
    header = <uint16_t>mask
    memcpy(out + 2, &header, 2)
    memcpy(out + COLUMNS_HEADER, scratch.kind, count)
    memcpy(out + COLUMNS_HEADER + count, scratch.dt, 4 * count)
    out += COLUMNS_HEADER + 5 * count
    for column in range(COLUMNS_SECTIONS):
        if mask >> column & 1:
            if column < COLUMNS_INDEXES:
                memcpy(out, scratch.index[column], 2 * count)
                out += 2 * count
            else:
                memcpy(out, scratch.number[column - COLUMNS_INDEXES], 4 * count)
                out += 4 * count
    return blob


def from_wire(list events not None, object targets not None, *, bint client=False):
    """Turn wire arrays into columns; see columns.pyi."""
    cdef Py_ssize_t length = PyList_GET_SIZE(events)
    cdef Py_ssize_t index, row = 0, position, size
    cdef int column, mask = 0, skipped = 0
    cdef unsigned long long kinds = 0
    cdef double code, dt, carried = 0, total = 0
    cdef EventSpec* spec
    cdef list event
    cdef object item
    cdef _Tables tables = _Tables.__new__(_Tables)
    if length > MAX_EVENTS:
        raise WireError(MAX_EVENTS, "too_many")
    tables.known = targets
    tables.target_places = {}
    tables.string_places = {}
    tables.targets = []
    tables.strings = []
    for index in range(length):
        item = <object>PyList_GET_ITEM(events, index)
        if not PyList_Check(item):
            raise WireError(index, "bad_event")
        event = <list>item
        size = PyList_GET_SIZE(event)
        if size < 2:
            raise WireError(index, "bad_arity")
        code = _as_number(<object>PyList_GET_ITEM(event, 0), index, "bad_kind")
        dt = floor(_as_number(<object>PyList_GET_ITEM(event, 1), index, "bad_dt") + 0.5)
        if dt < 0 or dt + carried > MAX_DT:
            raise WireError(index, "bad_dt")
        if code < 0 or code != floor(code):
            raise WireError(index, "bad_kind")
        if code >= EVENT_KINDS or not SPECS[<int>code].known or (
            client and not SPECS[<int>code].client
        ):
            # From a newer client: its time must not be lost.
            skipped += 1
            carried += dt
            continue
        spec = &SPECS[<int>code]
        if size - 2 < spec.needed or size - 2 > spec.arity:
            raise WireError(index, "bad_arity")
        scratch.kind[row] = <uint8_t>code
        kinds |= <unsigned long long>1 << <int>code
        scratch.dt[row] = <uint32_t>(dt + carried)
        total += dt + carried
        carried = 0
        for column in range(COLUMNS_INDEXES):
            scratch.index[column][row] = 0
        for column in range(COLUMNS_NUMBERS):
            scratch.number[column][row] = NAN
        for position in range(size - 2):
            item = <object>PyList_GET_ITEM(event, position + 2)
            if item is None:
                if not spec.fields[position].optional:
                    raise WireError(index, "bad_arity")
                continue
            mask |= _put_field(row, &spec.fields[position], item, index, tables)
        row += 1
    cdef Columns columns = Columns.__new__(Columns)
    columns.blob = _pack(row, mask)
    columns.count = row
    columns.skipped = skipped
    columns.duration_ms = <long long>total
    columns.kinds = kinds
    columns.targets = tables.targets
    columns.strings = tables.strings
    return columns


cdef ColumnsStatus columns_open(
    ColumnsView* view, const uint8_t* data, size_t length
) noexcept nogil:
    cdef uint16_t count, mask
    cdef size_t at, there
    cdef int column
    if length < COLUMNS_HEADER:
        return COLUMNS_SHORT
    memcpy(&count, data, 2)
    memcpy(&mask, data + 2, 2)
    if count > MAX_EVENTS:
        return COLUMNS_COUNT
    if mask >> COLUMNS_SECTIONS:
        return COLUMNS_MASK
    view.count = count
    view.kind = data + COLUMNS_HEADER
    view.dt = view.kind + count
    at = COLUMNS_HEADER + 5 * <size_t>count
    for column in range(COLUMNS_INDEXES):
        there = -(<size_t>mask >> column & 1)      # no bit, or all: nothing to guess
        view.index[column] = <const uint8_t*>(<size_t>(data + at) & there)
        at += 2 * <size_t>count & there
    view.numbers = data + at
    for column in range(COLUMNS_NUMBERS):
        there = -(<size_t>mask >> (column + COLUMNS_INDEXES) & 1)
        view.number[column] = <const uint8_t*>(<size_t>(data + at) & there)
        at += 4 * <size_t>count & there
    view.held = <uint32_t>((data + at - view.numbers) >> 2)
    # Nothing was read yet: the pointers are only trusted once the length is exactly right.
    return COLUMNS_OK if at == length else COLUMNS_LENGTH


cdef inline bint exceeds(const uint8_t* indexes, size_t count, uint16_t limit) noexcept nogil:
    """Say whether an index is above the limit. Without a way out, it takes eight at a time."""
    cdef size_t i
    cdef uint16_t value, above = 0
    for i in range(count):
        memcpy(&value, indexes + 2 * i, 2)
        above |= value > limit
    return above != 0


cdef inline bint holds_infinite(const uint8_t* numbers, size_t count) noexcept nogil:
    """Say whether a number is infinite, as its bits tell; four at a time."""
    cdef size_t i
    cdef uint32_t bits, found = 0
    for i in range(count):
        memcpy(&bits, numbers + 4 * i, 4)
        found |= (bits & 0x7FFFFFFF) == 0x7F800000
    return found != 0


cdef ColumnsStatus columns_check(
    const ColumnsView* view, size_t targets, size_t strings
) noexcept nogil:
    cdef int column
    for column in range(COLUMNS_INDEXES):
        if view.index[column] != NULL and exceeds(
            view.index[column], view.count,
            <uint16_t>min(targets if column == 0 else strings, <size_t>0xFFFF),
        ):
            return COLUMNS_INDEX
    return COLUMNS_NUMBER if holds_infinite(view.numbers, view.held) else COLUMNS_OK


_WORDS = {
    COLUMNS_SHORT: "shorter than its header",
    COLUMNS_COUNT: f"more than {MAX_EVENTS} events",
    COLUMNS_MASK: "an unknown section",
    COLUMNS_LENGTH: "length is not what the header says",
    COLUMNS_INDEX: "an index beyond its table",
    COLUMNS_NUMBER: "an infinite number",
}


cdef int columns_raise(ColumnsStatus status) except -1:
    raise ColumnsError(_WORDS[status])


cdef int _open(ColumnsView* view, bytes blob, size_t targets, size_t strings) except -1:
    cdef ColumnsStatus status = columns_open(
        view, <const uint8_t*>PyBytes_AS_STRING(blob), <size_t>PyBytes_GET_SIZE(blob)
    )
    if status == COLUMNS_OK:
        status = columns_check(view, targets, strings)
    if status != COLUMNS_OK:
        columns_raise(status)
    return 0


def validate(bytes blob not None, size_t targets=MAX_TARGETS, size_t strings=2 * MAX_EVENTS):
    """Check that untrusted bytes can be read safely; see columns.pyi."""
    cdef ColumnsView view
    _open(&view, blob, targets, strings)
    return view.count


cdef object _read_field(
    const ColumnsView* view, const FieldSpec* spec, uint32_t row, object strings
):
    cdef float value
    cdef int place
    if spec.column < COLUMNS_INDEXES:
        place = column_index(view, spec.column, row)
        if spec.kind == TARGET:
            return place
        if place == 0:
            return None
        if spec.kind != PROPS:
            return strings[place - 1]
        try:
            return json.loads(strings[place - 1])
        except (ValueError, RecursionError):
            raise ColumnsError(f"event {row}: its properties are not JSON") from None
    value = column_number(view, spec.column - COLUMNS_INDEXES, row)
    if isnan(value):
        return None
    return <long long>value if value == floor(value) and -1e15 < value < 1e15 else value


def to_wire(bytes blob not None, object targets not None, object strings not None):
    """Turn columns back into wire arrays; see columns.pyi."""
    cdef ColumnsView view
    cdef uint32_t row
    cdef int position
    cdef EventSpec* spec
    _open(&view, blob, len(targets), len(strings))
    events = []
    for row in range(view.count):
        if view.kind[row] >= EVENT_KINDS or not SPECS[view.kind[row]].known:
            raise ColumnsError(f"event {row}: unknown kind {view.kind[row]}")
        spec = &SPECS[view.kind[row]]
        event = [view.kind[row], column_dt(&view, row)]
        for position in range(spec.arity):
            event.append(_read_field(&view, &spec.fields[position], row, strings))
        while len(event) > 2 + spec.needed and event[len(event) - 1] is None:
            event.pop()
        events.append(event)
    return events
