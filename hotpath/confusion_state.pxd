"""What the confusion kernel keeps for each stream.

Ownership: lies inside the stream's StreamState; kernels borrow it for the call. Times are ms since
the stream's origin. Element ids are in StreamState.held.
"""

from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t


cdef struct ConfusionState:
    float scroll_y          # where the last turn of the scrolling was
    int32_t scroll_t
    int32_t stray_t         # last press on what is no control
    int32_t dead_t
    int32_t hover_t
    int32_t menu_t
    int32_t focus_t
    int32_t refused_t
    int32_t search_t
    uint16_t height         # of the viewport, px; 0: not known
    int8_t scroll_way
    uint8_t turns           # of the scrolling, that follow each other
    uint8_t strays          # that follow each other, on different elements
    uint8_t deads
    uint8_t hovers
    uint8_t menus
    uint8_t pingpongs
    uint8_t searches
