"""Build the Cython kernels. Everything else about the package stands in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

# SENTIENTIQ_TRACE=1 builds the checked twin: bounds, overflow and line tracing on.
TRACE = os.environ.get("SENTIENTIQ_TRACE") == "1"
# SENTIENTIQ_SANITIZE: options of the compiler that put its sanitizers in (scripts/builds.py).
SANITIZE = os.environ.get("SENTIENTIQ_SANITIZE", "").split()
# Where the C goes, for a build beside the ordinary one; None: next to the sources.
C_FOLDER = os.environ.get("SENTIENTIQ_C_FOLDER")

Options.warning_errors = True

directives = {
    "language_level": "3",
    "boundscheck": TRACE,
    "wraparound": False,
    "initializedcheck": TRACE,
    "nonecheck": TRACE,
    "cdivision": True,
    "linetrace": TRACE,
    "embedsignature": True,
}

extensions = [
    Extension(
        str(source.with_suffix("")).replace(os.sep, "."),
        [str(source)],
        depends=["setup.py"],
        # No -ffast-math: a replay must give the same bits on every machine.
        # Cython emits converters for every enum, used or not.
        extra_compile_args=[
            "-O3",
            "-ffp-contract=off",
            "-fno-math-errno",
            # It packs pairs of floats only to take them apart again: 12 instructions an event more.
            "-fno-tree-slp-vectorize",
            "-Wno-unused-function",
            *SANITIZE,
        ],
        extra_link_args=SANITIZE,
        define_macros=[("CYTHON_TRACE_NOGIL", "1")] if TRACE else [],
    )
    for source in sorted(Path("hotpath").glob("*.pyx"))
]

if __name__ == "__main__":
    setup(
        ext_modules=cythonize(
            extensions, compiler_directives=directives, nthreads=2, build_dir=C_FOLDER
        )
    )
