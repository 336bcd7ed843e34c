"""Builds of the kernels beside the ordinary one, each in a folder of its own below build/.

`checked` has bounds and overflow checks on, `sanitized` AddressSanitizer and UBSan. Only what is
out of date is built; another Python imports such a build with `environ`.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_COMPILED = {".so", ".c", ".html", ".pyx", ".pxd"}
# Beyond "undefined": a float that does not fit its integer is another number on another machine.
_CHECKS = "-g -fno-omit-frame-pointer -fsanitize=address,undefined,float-cast-overflow"
_FATAL = "-fno-sanitize-recover=all"


class BuildError(RuntimeError):
    """A build failed; says what the compiler said."""


@dataclass(frozen=True, slots=True)
class Build:
    """One way to build the kernels."""

    name: str
    """Of its folder below build/."""
    options: dict[str, str]
    """Environment of setup.py."""
    preload: Path | None = None
    """Library that must be loaded before Python."""
    guided: bool = False
    """Counts which code is reached, for libFuzzer."""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return ROOT / "build" / self.name

    def make(self) -> Path:
        """Build what is out of date and return the folder.

        Raises:
            BuildError: it does not compile.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._compile()
            self._link()
        return self.folder

    def _compile(self) -> None:
        stamp = self.folder / "options.json"
        options = json.dumps(self.options)
        same = stamp.exists() and stamp.read_text() == options
        where = f"build/{self.name}"
        done = subprocess.run(
            [
                sys.executable, "setup.py", "-q", "build_ext", "--build-lib", where,
                "--build-temp", f"{where}/objects", "--parallel", "2", *([] if same else ["-f"]),
            ],
            cwd=ROOT,
            env=os.environ | self.options | {"SENTIENTIQ_C_FOLDER": f"{where}/c"},
            capture_output=True,
            text=True,
        )  # fmt: skip
        if done.returncode:
            raise BuildError(f"{self.name}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        stamp.write_text(options)

    def _link(self) -> None:
        """Put what is not compiled beside what is."""
        package = self.folder / "hotpath"
        for source in (ROOT / "hotpath").iterdir():
            place = package / source.name
            if source.suffix not in _COMPILED and source.name != "__pycache__":
                place.unlink(missing_ok=True)
                place.symlink_to(source)

    def environ(self) -> dict[str, str]:
        """Return the environment in which Python imports this build, and stops at a finding."""
        own = {
            # Without it `python -m` would put the checkout, and its build, first.
            "PYTHONSAFEPATH": "1",
            "PYTHONPATH": f"{self.folder}:{ROOT}:{ROOT / 'proto'}",
        }
        if self.preload:
            own |= {
                "LD_PRELOAD": str(self.preload),
                # Python keeps much until its end; a block that is too large is a MemoryError.
                "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
                "UBSAN_OPTIONS": "print_stacktrace=1",
                # Python's own allocator would hide where one object ends.
                "PYTHONMALLOC": "malloc",
            }
        return os.environ | own


def checked() -> Build:
    """Return the twin that looks before it reads."""
    return Build("trace", {"SENTIENTIQ_TRACE": "1"})


def sanitized() -> Build | None:
    """Return the build that AddressSanitizer and UBSan watch; None: no compiler has them."""
    atheris = importlib.util.find_spec("atheris")
    if shutil.which("clang") and atheris and atheris.origin:
        preload = Path(atheris.origin).parents[1] / "asan_with_fuzzer.so"
        options = f"{_CHECKS},fuzzer-no-link {_FATAL}"
        return Build("fuzz", _compiler("clang") | {"SENTIENTIQ_SANITIZE": options}, preload, True)
    if shutil.which("gcc"):
        asked = ["gcc", "-print-file-name=libasan.so"]
        found = Path(subprocess.run(asked, capture_output=True, text=True).stdout.strip())
        if found.is_absolute() and found.exists():
            options = f"{_CHECKS} {_FATAL}"
            return Build(
                "fuzz-gcc", _compiler("gcc") | {"SENTIENTIQ_SANITIZE": options}, found.resolve()
            )
    return None


def _compiler(name: str) -> dict[str, str]:
    return {"CC": name, "LDSHARED": f"{name} -shared"}
