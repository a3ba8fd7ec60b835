"""The configuration of the running program's stack."""

from __future__ import annotations

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret


def read_entries() -> dict[str, str]:
    """Returns every key of the stack, with its namespace, and its value as a string."""
    full_names = (name.partition(":") for name in list_names())
    return {f"{space}:{key}": pulumi.Config(space).require(key) for space, _, key in full_names}


def list_names() -> list[str]:
    """Returns which keys are set. pulumi.Config can't say: it reads a key by its name. The engine passes keys that
    Pulumi.yaml doesn't declare without a word, so that a misspelt one is found by this program or by nobody."""
    return sorted({*get_config_env(), *CONFIG.get()})


def list_secret_names() -> list[str]:
    """Returns which keys are secret: pulumi.Config makes a secret output of any, and says of none whether it is one."""
    return [name for name in list_names() if is_config_secret(name)]
