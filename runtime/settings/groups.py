"""Group: the base of every group of settings, read from an environment."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from runtime.settings.faults import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from pydantic.fields import FieldInfo

_NUMBERS: Final = {int: re.compile(r"[0-9]{1,15}"), float: re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")}

_texts: ContextVar[Mapping[str, str]] = ContextVar("texts", default={})  # noqa: B039 (never written to)
"""Text of each variable by its name in lower case, as pydantic-settings looks for it."""


@contextmanager
def environment(environ: Mapping[str, str]) -> Iterator[None]:
    """Read groups from this mapping inside the block; outside of one there is nothing to read."""
    token = _texts.set({name.lower(): text.strip() for name, text in environ.items() if name.isupper()})
    try:
        yield
    finally:
        _texts.reset(token)


def text_of(variable: str) -> str:
    """Return a variable as it is written in `environment()`."""
    return _texts.get().get(variable.lower(), "")


class _Environment(EnvSettingsSource):
    """A group's variables in `environment()`, where the demo and the tests have mappings of their own."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return _texts.get()

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        if group_of(field) is not None:
            return None, field_name, False  # LOG is no variable, though a group is called so
        return super().get_field_value(field, field_name)

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: ANN401, FBT001 (the signature is pydantic's)
        # HF_TOKEN= means that there is none; where there is a default to lose it is a fault.
        if value == "" and field.default in (None, (), {}):
            return None
        return super().prepare_field_value(field_name, field, value, value_is_complex)


class Group(BaseSettings):
    """Settings that belong together; a field is a variable or another group.

    `env_prefix` begins the variables' names; `title` is that of their table in the documentation.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=False,  # defaults are values, and validators take text
        enable_decoding=False,  # a tuple is entries with commas between, not JSON
        allow_inf_nan=False,
    )
    own_prefix: ClassVar[bool]
    """Whether only we use the prefix: an unknown variable with it is a mistake."""

    def __init_subclass__(cls, *, env_prefix: str = "", title: str = "", own_prefix: bool = False) -> None:
        del env_prefix, title  # pydantic's metaclass has put them into model_config
        super().__init_subclass__()
        cls.own_prefix = own_prefix

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is pydantic's)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take variables from `environment()`: no .env file, and nothing of the process's environment by itself."""
        return init_settings, _Environment(settings_cls)

    def conflicts(self) -> Iterator[Fault]:
        """Yield faults of values that are right by themselves but do not fit together."""
        yield from ()

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            if not value.isprintable():
                raise ValueError("contains a control or otherwise unprintable character")
            if not value:
                raise ValueError("must not be empty")
            kind = cls.model_fields[info.field_name or ""].annotation
            # Python's numbers have more spellings: 1_000, 1e3, +5. Here those are slips.
            if kind in _NUMBERS and not _NUMBERS[kind].fullmatch(value):
                raise PydanticCustomError("int_parsing" if kind is int else "float_parsing", "not a number")
        return value

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if faults := tuple(self.conflicts()):
            raise ConfigurationError(*faults)
        return self


def group_of(field: FieldInfo) -> type[Group] | None:
    """Return the group that a field holds; None if it holds a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None
