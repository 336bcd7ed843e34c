"""Models: what each mark is worth, and which confidence a score deserves."""

import cython

from libc.string cimport memset

from hotpath.model_file import ModelError, read_default


cdef int fill(Tables* tables, int number, object file) except -1:
    cdef EmotionModel* table = &tables.emotion[number]
    cdef int place = 0
    families = []
    table.prior = file.prior
    table.lone_cap = file.lone_cap
    table.quiet_ms = file.quiet_ms
    for feature in file.features.values():
        if feature.family not in families:
            families.append(feature.family)
        if place >= FEATURES or len(families) > FAMILIES:
            raise ModelError(f"{file.emotion}: more features or families than a model holds")
        table.weight[place] = feature.weight
        table.cap[place] = feature.cap
        table.window[place] = feature.window_ms
        table.family[place] = families.index(feature.family)
        place += 1
    for place, confidence in enumerate(file.confidences(HIGHEST)):
        table.confidence[place] = confidence
    for place, weight in enumerate(file.burst.values()):
        tables.burst[place] = weight
    return 0


@cython.final
cdef class Model:
    """The models of all emotions, as tables; see model.pyi."""

    def __cinit__(self, dict files=None):
        memset(&self.tables, 0, sizeof(self.tables))
        files = read_default() if files is None else files
        self.versions = {}
        self.calibrations = {}
        for number, (emotion, file) in enumerate(files.items()):
            fill(&self.tables, number, file)
            self.versions[emotion] = file.version
            self.calibrations[emotion] = file.calibration.source
