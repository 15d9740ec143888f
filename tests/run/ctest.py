# SPDX-License-Identifier: Apache-2.0
"""Builds a preset and runs its tests through CTest, one Result for each test."""

import json
import os
import re
import xml.etree.ElementTree

from result import FAILED, PASSED, SKIPPED, Result, check, run

BUILD_SECONDS_MAX = 1800
TEST_SECONDS_MAX = 300
CTEST_SECONDS_MAX = 3600

# Every test carries one of these; a test with another label would be run by nobody.
LABELS = ("unit", "scenario", "integration")


def configure(preset):
    return check(f"configure {preset}", ["cmake", "--preset", preset], BUILD_SECONDS_MAX)


def build(preset, targets=()):
    """Configures and builds; one Result, named after the preset."""
    result = configure(preset)
    if result.outcome == PASSED:
        command = ["cmake", "--build", f"build/{preset}"]
        if targets:
            command += ["--target", *targets]
        command += ["--", "-k", "0"]  # every error at once, not only the first
        built = check(f"build {preset}", command, BUILD_SECONDS_MAX)
        built.seconds += result.seconds
        result = built
    result.name = f"build {preset}"
    return result


def from_junit(path):
    """Reads CTest's JUnit file.

    CTest writes a skip both for a test that asked for it (exit status 77) and for a test that could
    not be started. Only the first is a skip, and only when it says why.
    """
    results = []
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        why = case.find("skipped")
        output = case.findtext("system-out") or ""
        if status == "run":
            outcome = PASSED
        elif (status == "notrun" and why is not None and "SKIP_" in why.get("message", "")
              and "SKIP:" in output):
            outcome = SKIPPED
        else:
            outcome = FAILED
            for element in [why, case.find("failure")]:
                if element is not None:
                    output += "\nctest: " + (element.get("message") or "failed")
            output += f"\nctest: status {status}\n"
        results.append(Result(case.get("name"), outcome, float(case.get("time", 0)), output))
    return results


def without_label(preset):
    """The tests that no part would run."""
    status, output, _ = run(["ctest", "--test-dir", f"build/{preset}", "--show-only=json-v1"], 60)
    if status != 0:
        return [f"ctest --show-only: exit status {status}: {output}"]
    lost = []
    for test in json.loads(output[output.index("{"):])["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        if not set(properties.get("LABELS", [])) & set(LABELS):
            lost.append(f"{test['name']}: none of the labels {', '.join(LABELS)}")
    return lost


def test(preset, labels, env=None, every_label=True):
    """Runs the tests with these labels in a built preset.

    A label without a test is a failure when every_label is set: an empty part proves nothing.
    """
    results = []
    lost = without_label(preset)
    if lost:
        results.append(Result("labels", FAILED, 0.0, "\n".join(lost)))
    for label in labels:
        junit = os.path.abspath(f"build/{preset}/junit-{label}.xml")
        if os.path.exists(junit):
            os.remove(junit)
        command = ["ctest", "--test-dir", f"build/{preset}", "-L", f"^{re.escape(label)}$",
                   "-j", str(os.cpu_count() or 1), "--timeout", str(TEST_SECONDS_MAX),
                   "--output-junit", junit, "--test-output-size-failed", "200000"]
        _, output, seconds = run(command, CTEST_SECONDS_MAX, env)
        found = from_junit(junit) if os.path.exists(junit) else []
        if not found and every_label:
            found = [Result(f"{label} tests", FAILED, seconds, output + "\nno test was run\n")]
        results += found
    return results
