"""Where the tree and its fixtures are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
FIXTURES: Final = ROOT / "fixtures"
MEMOS: Final = FIXTURES / "memos"
