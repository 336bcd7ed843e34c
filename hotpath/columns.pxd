"""Layout of BehaviorBatch.columns, and the borrowed view through which kernels read it.

Over 100 lines because every event is read by functions that are inlined where it is read.

Little-endian, no padding, `count` events:

    u16 count | u16 mask | u8 kind[count] | u32 dt[count] | one section for each bit set in mask

Bit b of mask is section b of fields.Column, stored in that order: target, text, text2 as u16
(index from 1 into the batch's targets or strings; 0: none), then a, b, c, d, e as f32 (NaN:
absent). A section that is not in the mask is all zero, or all NaN. `dt` is ms since the event
before; the first counts from t0_ms.

Ownership: a ColumnsView borrows the bytes it was opened on and is valid only while the caller
keeps them alive. It frees nothing. After columns_open returned COLUMNS_OK no read through the
functions below leaves those bytes, for 0 <= i < count.
"""

from libc.limits cimport INT_MIN
from libc.math cimport NAN
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from hotpath.events cimport EVENT_KINDS, MAX_EVENTS


cdef enum:
    COLUMNS_HEADER = 4
    COLUMNS_INDEXES = 3     # sections of u16
    COLUMNS_NUMBERS = 5     # sections of f32
    COLUMNS_SECTIONS = COLUMNS_INDEXES + COLUMNS_NUMBERS


cdef enum ColumnsStatus:
    COLUMNS_OK = 0
    COLUMNS_SHORT = 1       # fewer than the 4 bytes of the header
    COLUMNS_COUNT = 2       # more than MAX_EVENTS
    COLUMNS_MASK = 3        # a bit that names no section
    COLUMNS_LENGTH = 4      # length is not what header and mask say
    COLUMNS_INDEX = 5       # an index beyond its table
    COLUMNS_NUMBER = 6      # an infinite number


cdef struct ColumnsView:
    uint32_t count
    const uint8_t* kind                         # count bytes
    const uint8_t* dt                           # 4 * count bytes, unaligned
    const uint8_t* index[COLUMNS_INDEXES]       # 2 * count bytes, unaligned; NULL: all 0
    const uint8_t* number[COLUMNS_NUMBERS]      # 4 * count bytes, unaligned; NULL: all NaN
    const uint8_t* numbers                      # the sections of numbers, one after the other …
    uint32_t held                               # … and how many numbers they hold


cdef inline uint32_t read_whole(const uint8_t* section, size_t i) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, section + 4 * i, 4)
    return value


cdef inline float read_number(const uint8_t* section, size_t i) noexcept nogil:
    cdef float value
    memcpy(&value, section + 4 * i, 4)
    return value


cdef inline uint32_t column_dt(const ColumnsView* view, uint32_t i) noexcept nogil:
    """Return ms since the event before."""
    return read_whole(view.dt, i)


cdef inline uint16_t column_index(const ColumnsView* view, int column, uint32_t i) noexcept nogil:
    """Return an index from 1; 0: none. `column` is 0 target, 1 text, 2 text2."""
    cdef uint16_t value
    if view.index[column] == NULL:
        return 0
    memcpy(&value, view.index[column] + 2 * <size_t>i, 2)
    return value


cdef inline float column_number(const ColumnsView* view, int column, uint32_t i) noexcept nogil:
    """Return a number; NaN: absent. `column` is 0 for a … 4 for e."""
    if view.number[column] == NULL:
        return NAN
    return read_number(view.number[column], i)


cdef inline int column_whole(const ColumnsView* view, int column, uint32_t i) noexcept nogil:
    """Return a number without its fraction; absent, or too large for an int: the lowest int.

    C leaves open what a plain cast makes of those, and machines differ.
    """
    cdef float value = column_number(view, column, i)
    if -<float>0x80000000 <= value < <float>0x80000000:
        return <int>value
    return INT_MIN


# Point `view` into data[0:length]; on any status but COLUMNS_OK the view must not be read.
cdef ColumnsStatus columns_open(
    ColumnsView* view, const uint8_t* data, size_t length
) noexcept nogil

# Check every index against the sizes of its tables, and that no number is infinite.
cdef ColumnsStatus columns_check(
    const ColumnsView* view, size_t targets, size_t strings
) noexcept nogil

# Raise ColumnsError for a status.
cdef int columns_raise(ColumnsStatus status) except -1
