# SPDX-License-Identifier: Apache-2.0
"""How a test ends that does not come to its end: one that hangs says where, before ctest ends it
(cmake/CsTests.cmake); an exception that nobody expected is a check that failed."""
import faulthandler
import os
import subprocess
import sys
import traceback


def watch(fail):
    """Calls FAIL with the reason when an exception ends the test."""
    def end(kind, error, trace):
        traceback.print_exception(kind, error, trace)
        sys.stderr.flush()
        hung = "it hung: " if isinstance(error, subprocess.TimeoutExpired) else ""
        fail(f"{hung}{kind.__name__}: {error}")

    sys.excepthook = end
    timeout = os.environ.get("CS_TEST_TIMEOUT")  # by hand, and in campaigns, nobody ends it
    if timeout:
        faulthandler.dump_traceback_later(int(timeout) - 15, exit=True)
