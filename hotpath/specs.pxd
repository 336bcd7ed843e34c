"""The field table of fields.py as C structs, filled once at import and read-only after."""

from libc.stdint cimport uint8_t, uint32_t

from hotpath.events cimport EVENT_KINDS


cdef enum:
    MAX_FIELDS = 6


cdef struct FieldSpec:
    uint8_t kind
    uint8_t column
    bint optional
    uint32_t limit          # one past the highest value of CHOICE, FLAG and BITS


cdef struct EventSpec:
    uint8_t arity           # most fields
    uint8_t needed          # fewest
    bint known
    bint client             # may stand in a client's frame
    FieldSpec fields[MAX_FIELDS]


# By event code; entry 0 and unknown codes have known = False.
cdef EventSpec SPECS[EVENT_KINDS]
