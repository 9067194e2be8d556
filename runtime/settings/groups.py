"""Group: the base of every group of settings."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class Group(BaseSettings):
    """Settings that belong together; a field is a variable or another group.

    `runtime.settings.environment.read` makes it: of all groups at once, so that an operator sees every fault in one go,
    and of the mapping it is given, since the demo and tests must not see the caller's variables.
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
    """Whether only we use this prefix, so that an unknown variable with it is a mistake."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the signature is pydantic's)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take neither the process's environment nor a .env file."""
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
