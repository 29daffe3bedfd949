"""Programs that a test compares with."""

import os
import shutil

import pytest


def needs(program, package):
    """Skips the test where there is no such program; in CI it fails."""
    if shutil.which(program) is None:
        message = f"no {program}(1); Debian has it in {package}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
