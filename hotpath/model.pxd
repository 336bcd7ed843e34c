"""Models: what each mark is worth, and which confidence a score deserves.

Ownership: a Model owns its tables; whoever borrows `&model.tables` keeps the Model alive. Scores
are tenths of log-odds in whole numbers, so that they add up exactly and alike on every machine.
"""

from libc.stdint cimport int16_t, int32_t, uint8_t

from hotpath.features cimport EMOTIONS, FEATURES


cdef enum:
    HIGHEST = 99            # tenths of log-odds beyond which a confidence no longer changes
    FAMILIES = 8            # most families of an emotion
    BURST_WEIGHTS = 18      # see rage_rules.pxd


cdef struct EmotionModel:
    int16_t prior
    int16_t lone_cap            # highest score while only one family of features speaks
    int32_t quiet_ms            # an episode is over when nothing was added for so long
    int16_t weight[FEATURES]    # for a mark of strength 100
    int16_t cap[FEATURES]       # most that all marks of the feature are worth
    int32_t window[FEATURES]    # ms for which a mark counts
    uint8_t family[FEATURES]    # 0 to FAMILIES - 1
    uint8_t confidence[2 * HIGHEST + 1]     # 0 to 100, by score + HIGHEST; never falls


cdef struct Tables:
    EmotionModel emotion[EMOTIONS]
    int16_t burst[BURST_WEIGHTS]


cdef class Model:
    cdef Tables tables
    cdef readonly dict versions         # emotion -> version of its file
    cdef readonly dict calibrations     # emotion -> what its confidences rest on


cdef inline uint8_t model_confidence(const EmotionModel* model, int score) noexcept nogil:
    """Return the confidence, 0 to 100, of a score in tenths of log-odds."""
    return model.confidence[max(-<int>HIGHEST, min(<int>HIGHEST, score)) + HIGHEST]
