"""Lost in a form: back to fields that were left, from field to field, refused again.

Used by confusion.pyx and anger.pyx.

An attempt is a press of a control or a submit; what a page refuses without one (it checks while the
visitor writes) is no refusal. The first field refused is the one that the visitor is shown.

Ownership: every function borrows the moment for the call; call remember() before them.
"""

from hotpath.confusion_state cimport AGE_TRIED
from hotpath.state cimport Moment


cdef enum:
    ATTEMPT_MS = 5000       # a refusal comes that soon after its attempt
    REFUSED_MS = 60000      # later it is refused anew
    SHOWN_MS = 200          # a refusing browser puts the focus into the field by itself
    RETURNS_MS = 30000
    LOOK_MS = 500           # a field left sooner was only passed by, with the tab key
    LOOKED_MS = 4000        # who stays longer thinks about that field
    LOOKED = 2              # fields left as they were, before the next one
    FIELDS = 3              # that of the focus, and those left before it


cdef inline bint is_refusal(Moment* moment) noexcept nogil:
    """Say whether an `invalid` is the answer to an attempt."""
    return moment.state.confusion.age[<int>AGE_TRIED] <= ATTEMPT_MS


cdef void form_focus(Moment* moment) noexcept nogil
cdef void form_invalid(Moment* moment) noexcept nogil
