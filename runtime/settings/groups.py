"""Group: the base of every group of settings."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class Group(BaseSettings):
    """Settings that belong together. A field is a variable (`env_prefix` and its name, in capitals) or another group.

    Only `runtime.settings.environment.read` reads the environment: all groups at once, so that an operator sees every
    fault in one go, and from the mapping it is given, so that the demo and tests are safe from the caller's variables.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=False,  # defaults are values, and validators take text
        enable_decoding=False,  # a tuple is entries with commas between, not JSON
        allow_inf_nan=False,
    )
    own_prefix: ClassVar[bool] = False
    """Whether no other program reads variables with this prefix, so that an unknown one is surely a mistake."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the signature is pydantic's)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `read` alone: neither the process's environment nor a .env file."""
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if isinstance(value, str):
            if not value.isprintable():
                raise ValueError("contains a control or otherwise unprintable character")
            if not value:
                raise ValueError("must not be empty")
        return value
