"""A company's sign-in by somebody else's software, in a process and a virtual environment of its own.

`tests/support/company.py` misbehaves at will; this one is what a company would run: see `real_company_server.py`.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.config import ROOT

PYTHON = ROOT / ".venv" / "company" / "bin" / "python"
CLIENT, SECRET = "countersign", "a secret: with / and +"
PASSWORD = "of the company alone"


@contextmanager
def real_company(back: str) -> Iterator[str]:
    """Run the provider on a free port of this machine, and give its issuer.

    Args:
        back: The redirect URI at which the portal takes the way back.
    """
    if not PYTHON.exists():
        raise AssertionError("The provider of the tests is not installed. Install it: make company")
    script, typed = Path(__file__).with_name("real_company_server.py"), [back, CLIENT, SECRET, PASSWORD]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(  # noqa: S603 - our own script
            [str(PYTHON), "-I", str(script), folder, *typed],
            env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},  # it is asked over http
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise AssertionError("The provider did not start.")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=10)
            if process.stdout:
                process.stdout.close()
