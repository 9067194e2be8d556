"""Group: the base of every group of settings."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, field_validator


class Group(BaseModel):
    """Settings that belong together; a field is a variable or another group.

    `runtime.settings.environment.read` makes it, of all groups at once, so that an operator sees every fault in one go.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)
    prefix: ClassVar[str]
    """Of the variables' names."""
    own_prefix: ClassVar[bool]
    """Whether only we use this prefix, so that an unknown variable with it is a mistake."""
    section: ClassVar[str]
    """Title in the documentation; empty continues the section before."""

    def __init_subclass__(cls, *, prefix: str = "", own_prefix: bool = False, section: str = "") -> None:
        super().__init_subclass__()
        cls.prefix, cls.own_prefix, cls.section = prefix, own_prefix, section

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if isinstance(value, str):
            if not value.isprintable():
                raise ValueError("contains a control or otherwise unprintable character")
            if not value:
                raise ValueError("must not be empty")
        return value
