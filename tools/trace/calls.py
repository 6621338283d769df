"""A recorder of the calls between functions of a package, in every thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

Node = tuple[str, str]  # dotted module, qualified name of the function
Edge = tuple[Node, Node, int]  # caller, callee, line of the call


@dataclass
class Calls:
    """Calls of functions below a folder: edges in order of time, and roots that no function of the package called."""

    folder: str
    edges: dict[Edge, None] = field(default_factory=dict)
    roots: dict[Node, None] = field(default_factory=dict)
    total: int = 0
    known: dict[CodeType, Node | None] = field(default_factory=dict)

    @contextmanager
    def recording(self) -> Iterator[Calls]:
        """Record the calls of this thread and of threads that begin meanwhile."""
        threading.setprofile(self._event)
        sys.setprofile(self._event)
        try:
            yield self
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        callee = self._node(frame.f_code)
        if callee is None:
            return
        self.total += 1
        above = frame.f_back
        while above is not None:
            caller = self._node(above.f_code)
            if caller is not None:
                self.edges.setdefault((caller, callee, above.f_lineno))
                return
            above = above.f_back
        self.roots[callee] = None

    def _node(self, code: CodeType) -> Node | None:
        """Return the function of a code object; None for code of other packages. Comprehensions are their function."""
        try:
            return self.known[code]
        except KeyError:
            node = self.known[code] = self._named(code)
            return node

    def _named(self, code: CodeType) -> Node | None:
        if not code.co_filename.startswith(self.folder) or not code.co_filename.endswith(".py"):
            return None
        inner = Path(code.co_filename).relative_to(self.folder).with_suffix("")
        name = code.co_qualname.replace(".<locals>", "").split(".<")[0]
        return ".".join(part for part in inner.parts if part != "__init__"), name
