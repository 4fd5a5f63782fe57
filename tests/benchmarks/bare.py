"""The bar: a bare script with no journal, no pre-flight and no promise, one list-running call every 0.2 s.

python tests/benchmarks/bare.py URL JOBS WIDTH
"""

import sys
import time

import requests

_EVERY = 0.2


def run(url: str, jobs: int, width: int) -> None:
    session = requests.Session()
    session.auth = ("ci", "pw-benchmark")
    for layer in range(0, jobs, width):
        waiting = set()
        for file_id in range(layer + 1, min(layer + width, jobs) + 1):
            answer = session.post(f"{url}/api/job-execution/{file_id}/trigger", timeout=60).json()
            waiting.add(answer["job-execution-id"])
        while waiting:
            time.sleep(_EVERY)
            listed = session.get(f"{url}/api/job-execution/list-running", timeout=60).json()
            gone = waiting - {entry["jobExecutionId"] for entry in listed}
            for number in gone:
                details = session.get(f"{url}/rest/job-execution/job-details/{number}", timeout=60).json()
                assert details["jobStatus"] == "COMPLETED"
            waiting -= gone


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
