"""Group: the base of every group of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from runtime.settings.faults import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


class Group(BaseModel):
    """Settings that belong together; a field is a variable or another group.

    Made by `runtime.settings.environment.read`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)
    prefix: ClassVar[str]
    """Of the variables' names."""
    own_prefix: ClassVar[bool]
    """Whether only we use the prefix: an unknown variable with it is a mistake."""
    section: ClassVar[str]
    """Title in the documentation; empty continues the last one."""

    def __init_subclass__(cls, *, prefix: str = "", own_prefix: bool = False, section: str = "") -> None:
        super().__init_subclass__()
        cls.prefix, cls.own_prefix, cls.section = prefix, own_prefix, section

    def disagreements(self) -> Iterator[Fault]:
        """Yield faults of values that are right by themselves but do not fit together."""
        yield from ()

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if isinstance(value, str):
            if not value.isprintable():
                raise ValueError("contains a control or otherwise unprintable character")
            if not value:
                raise ValueError("must not be empty")
        return value

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if faults := tuple(self.disagreements()):
            raise ConfigurationError(*faults)
        return self
