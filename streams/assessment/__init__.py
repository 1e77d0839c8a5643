"""Assessment: window facts rolled up through the organisations of their time, divided, and judged."""

from streams.assessment.board import Board
from streams.assessment.rows import Row

__all__ = ["Board", "Row"]
