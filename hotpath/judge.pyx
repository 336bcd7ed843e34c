"""The judge: from the marks of a mood to a score, a confidence, an episode."""

from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memmove, memset

from hotpath.abandonment cimport ABANDONMENT_CANCELLED
from hotpath.features cimport CONFUSION, FEATURES, RAGE
from hotpath.model cimport EmotionModel, model_confidence
from hotpath.mood cimport MARKS, Mark, Mood, mood_newest
from hotpath.sink cimport SINK_ROOM, Sink, Verdict


cdef enum:
    SAME_ANGER_MS = 5000
    HIGHEST = 100           # a threshold above it switches an emotion off


cdef struct Sum:
    int score               # tenths of log-odds
    int16_t terms[FEATURES + 2]
    int size                # of the evidence
    uint64_t evidence[MARKS]    # oldest first
    int lead                # the feature that is worth most; -1: none


cdef void name(Sum* sum, uint64_t ref) noexcept nogil:
    """Name an event as evidence: once, though it be marked twice, and in its order."""
    cdef int i = sum.size
    while i > 0 and sum.evidence[i - 1] > ref:
        i -= 1
    if i > 0 and sum.evidence[i - 1] == ref:
        return
    memmove(&sum.evidence[i + 1], &sum.evidence[i], (sum.size - i) * sizeof(uint64_t))
    sum.evidence[i] = ref
    sum.size += 1


cdef void add_up(const EmotionModel* model, Mood* mood, int32_t t, Sum* sum) noexcept nogil:
    """Add up the marks that still count at `t`."""
    cdef int strength[FEATURES]
    cdef int back, feature, worth, best = 0
    cdef uint32_t families = 0
    cdef Mark* mark
    memset(strength, 0, sizeof(strength))
    memset(sum, 0, sizeof(Sum))
    sum.lead = -1
    sum.score = model.prior
    sum.terms[0] = model.prior
    for back in range(mood.length - 1, -1, -1):
        mark = mood_newest(mood, back)
        if t - mark.t > model.window[mark.feature]:
            continue
        strength[mark.feature] += mark.strength
        name(sum, <uint64_t>mark.seq << 16 | mark.index)
    for feature in range(FEATURES):
        if strength[feature] == 0:
            continue
        worth = min(<int>model.cap[feature], model.weight[feature] * strength[feature] // 100)
        sum.terms[1 + feature] = <int16_t>worth
        sum.score += worth
        families |= <uint32_t>1 << model.family[feature]
        if worth > best:
            best = worth
            sum.lead = feature
    if families & (families - 1) == 0 and sum.score > model.lone_cap:
        sum.terms[1 + FEATURES] = <int16_t>(model.lone_cap - sum.score)
        sum.score = model.lone_cap


cdef void emit(
    Moment* moment, int emotion, const Sum* sum, int trigger, uint8_t confidence
) noexcept nogil:
    cdef Mood* mood = &moment.state.mood[emotion]
    cdef Sink* sink = moment.sink
    cdef Verdict* verdict
    cdef int i
    if sink.count >= SINK_ROOM:
        return      # cannot happen: the caller empties the sink while SINK_RESERVE is left
    verdict = &sink.items[sink.count]
    sink.count += 1
    memset(verdict, 0, sizeof(Verdict))
    verdict.t = moment.now
    verdict.emotion = <uint8_t>emotion
    verdict.trigger = <uint8_t>trigger
    verdict.element = mood.element
    verdict.episode = mood.episode
    verdict.rev = mood.rev
    verdict.confidence = confidence
    verdict.size = <uint8_t>sum.size
    for i in range(sum.size):
        verdict.evidence[i] = sum.evidence[i]
    for i in range(FEATURES + 2):
        verdict.terms[i] = sum.terms[i]


cdef void judge(Moment* moment, int emotion, int trigger) noexcept nogil:
    cdef const EmotionModel* model = &moment.sink.tables.emotion[emotion]
    cdef Mood* mood = &moment.state.mood[emotion]
    cdef int threshold = moment.sink.threshold[emotion]
    cdef uint8_t confidence
    cdef Sum sum
    if moment.state.rage.automated:
        return
    if emotion == RAGE and moment.state.rage.episode_rev and (
        moment.now - moment.state.rage.origin - moment.state.rage.episode_t <= SAME_ANGER_MS
    ):
        return      # a burst of presses has said so already
    add_up(model, mood, moment.rel, &sum)
    confidence = model_confidence(model, sum.score)
    moment.visit.peak[emotion] = max(moment.visit.peak[emotion], confidence)
    if mood.open and (
        moment.rel - mood.said_t > model.quiet_ms or confidence + LOWER_BY < threshold
    ):
        mood.open = 0
    if confidence < threshold or sum.size == 0:
        return
    if not mood.open:
        mood.open = 1
        mood.episode += 1
        if emotion == RAGE:     # numbered together with the bursts
            moment.state.rage.episode += 1
            mood.episode = moment.state.rage.episode
        mood.rev = 0
        mood.element = moment.element
    elif mood.rev >= MAX_REVISIONS or not (
        confidence >= mood.confidence + 5 or confidence + 5 <= mood.confidence
        or sum.size >= 2 * mood.size
    ):
        mood.said_t = moment.rel
        return
    if moment.element:
        mood.element = moment.element
    mood.rev += 1
    mood.said_t = moment.rel
    mood.confidence = confidence
    mood.size = <uint8_t>sum.size
    mood.trigger = <uint8_t>trigger
    if emotion == RAGE or emotion == CONFUSION:
        moment.visit.struggle_t = moment.now
    emit(moment, emotion, &sum, trigger, confidence)


cdef void judge_close(Moment* moment, int emotion, int trigger) noexcept nogil:
    cdef const EmotionModel* model = &moment.sink.tables.emotion[emotion]
    cdef Mood* mood = &moment.state.mood[emotion]
    cdef uint8_t confidence
    cdef Sum sum
    if not mood.open or moment.state.rage.automated:
        return
    add_up(model, mood, moment.rel, &sum)
    confidence = model_confidence(model, sum.score)
    moment.visit.peak[emotion] = max(moment.visit.peak[emotion], confidence)
    mood.open = 0
    if moment.sink.threshold[emotion] > HIGHEST and trigger != ABANDONMENT_CANCELLED:
        return      # switched off since it was said; that it no longer holds is still told
    mood.rev += 1
    mood.said_t = moment.rel
    mood.confidence = confidence
    mood.trigger = <uint8_t>trigger
    emit(moment, emotion, &sum, trigger, mood.confidence)
