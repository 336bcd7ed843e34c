"""Joined: the columns of many batches, one after the other, each column whole."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

from hotpath.columns cimport (
    COLUMNS_INDEXES,
    COLUMNS_NUMBERS,
    COLUMNS_OK,
    ColumnsStatus,
    ColumnsView,
    columns_open,
    columns_raise,
)


cdef int view(ColumnsView* columns, bytes blob) except -1:
    cdef ColumnsStatus status = columns_open(
        columns, <const uint8_t*>PyBytes_AS_STRING(blob), <size_t>PyBytes_GET_SIZE(blob)
    )
    if status != COLUMNS_OK:
        columns_raise(status)
    return 0


cdef bytes room(Py_ssize_t size):
    return PyBytes_FromStringAndSize(NULL, size)


def join_columns(blobs not None):
    """Join the columns of batches; see joined.pyi."""
    cdef list kept = list(blobs)
    cdef ColumnsView columns
    cdef bytes blob
    cdef Py_ssize_t total = 0, at = 0, place = 0
    cdef int column
    cdef uint8_t* index[COLUMNS_INDEXES]
    cdef float* number[COLUMNS_NUMBERS]
    cdef Py_ssize_t i, count
    lengths = room(8 * len(kept))
    cdef int64_t* length = <int64_t*>PyBytes_AS_STRING(lengths)
    for blob in kept:
        view(&columns, blob)
        length[place] = columns.count
        total += columns.count
        place += 1
    kinds, dts = room(total), room(4 * total)
    indexes = [room(2 * total) for _ in range(COLUMNS_INDEXES)]
    numbers = [room(4 * total) for _ in range(COLUMNS_NUMBERS)]
    for column in range(COLUMNS_INDEXES):
        index[column] = <uint8_t*>PyBytes_AS_STRING(indexes[column])
    for column in range(COLUMNS_NUMBERS):
        number[column] = <float*>PyBytes_AS_STRING(numbers[column])
    cdef uint8_t* kind = <uint8_t*>PyBytes_AS_STRING(kinds)
    cdef uint8_t* dt = <uint8_t*>PyBytes_AS_STRING(dts)
    for blob in kept:
        view(&columns, blob)
        count = columns.count
        memcpy(kind + at, columns.kind, count)
        memcpy(dt + 4 * at, columns.dt, 4 * count)
        for column in range(COLUMNS_INDEXES):
            if columns.index[column] != NULL:
                memcpy(index[column] + 2 * at, columns.index[column], 2 * count)
            else:
                memset(index[column] + 2 * at, 0, 2 * count)
        for column in range(COLUMNS_NUMBERS):
            if columns.number[column] != NULL:
                memcpy(number[column] + at, columns.number[column], 4 * count)
            else:
                for i in range(count):
                    number[column][at + i] = NAN
        at += count
    return lengths, kinds, dts, indexes, numbers
