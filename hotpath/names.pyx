"""Names: strings that kernels know by number."""

import cython

from libc.stdint cimport uint32_t

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


cdef enum:
    FIRST_LIMIT = 1024


@cython.final
cdef class Names:
    """Strings by number; see names.pxd."""

    def __cinit__(self):
        self.numbers = {"": 0}
        self.texts = [""]
        self.free = []
        self.limit = FIRST_LIMIT

    def __len__(self):
        return len(self.numbers)

    cdef uint32_t intern(self, str text) except? 0:
        cdef Py_ssize_t size
        number = self.numbers.get(text)
        if number is not None:
            return number
        PyUnicode_AsUTF8AndSize(text, &size)    # what has no UTF-8 could not be snapshot
        if self.free:
            number = self.free.pop()
            self.texts[number] = text
        else:
            number = len(self.texts)
            self.texts.append(text)
        self.numbers[text] = number
        return number

    cdef str text(self, uint32_t number):
        return self.texts[number]

    cdef int sweep(self, const unsigned char* marks) except -1:
        cdef Py_ssize_t number
        for number in range(1, len(self.texts)):
            text = self.texts[number]
            if text is not None and not marks[number]:
                del self.numbers[text]
                self.texts[number] = None
                self.free.append(number)
        self.limit = max(FIRST_LIMIT, 2 * len(self.numbers))
        return 0

    def dump(self):
        """Return the texts by number, None where free."""
        return list(self.texts)

    def load(self, list texts not None):
        """Take over what `dump` returned."""
        self.texts = list(texts)
        self.numbers = {text: number for number, text in enumerate(texts) if text is not None}
        self.free = [number for number, text in enumerate(texts) if text is None]
        self.limit = max(FIRST_LIMIT, 2 * len(self.numbers))
