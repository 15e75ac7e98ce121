"""JUnit XML, as CI servers read it: a rule that finds nothing is a test that passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from xml.etree import ElementTree as ET

from sslbind.check import SEVERITIES, Finding, Rule, Severity, Suppressed
from sslbind.printable import printable
from sslbind.reports import paragraphs, repository_path


def report(
    rules: Iterable[Rule],
    findings: Sequence[Finding],
    suppressed: Collection[Suppressed],
    fail_on: Severity,
    idle: Collection[str] = (),
) -> str:
    """Return a document with one suite, in ASCII.

    A finding of ``fail_on`` or more severe is a failure, any other a passing test that says
    what was found; suppressed findings are skipped, and so are the rules in ``idle``, which
    had no sites to check.
    """
    suite = ET.Element("testsuite", name="sslbind check")
    failing = SEVERITIES.index(fail_on)
    for finding in findings:
        case = _case(suite, finding)
        text = _lines(paragraphs(finding))
        if SEVERITIES.index(finding.severity) >= failing:
            message = printable(finding.sentence)
            ET.SubElement(case, "failure", type=finding.severity, message=message).text = text
        else:
            ET.SubElement(case, "system-out").text = f"{finding.severity}: {text}"
    for one in suppressed:
        case = _case(suite, one.finding)
        ET.SubElement(case, "skipped", message=printable(one.reason))
    found = {one.rule for one in findings} | {one.finding.rule for one in suppressed}
    for rule in rules:
        if rule.id not in found:
            case = ET.SubElement(suite, "testcase", classname="sslbind", name=rule.id)
            if rule.id in idle:
                ET.SubElement(case, "skipped", message="needs the sites of IIS: --sites FILE")
    counts = {
        "tests": str(len(suite)),
        "failures": str(sum(1 for _ in suite.iter("failure"))),
        "errors": "0",
        "skipped": str(sum(1 for _ in suite.iter("skipped"))),
    }
    suite.attrib |= counts
    root = ET.Element("testsuites", counts)
    root.append(suite)
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return data.decode("ascii") + "\n"


def _case(suite: ET.Element, finding: Finding) -> ET.Element:
    name = f"{finding.rule} {finding.kind}={finding.key}" if finding.key else finding.rule
    name = printable(name)
    place = {"file": printable(repository_path(finding.file))}
    if finding.line is not None:
        place["line"] = str(finding.line)
    return ET.SubElement(suite, "testcase", {"classname": "sslbind", "name": name, **place})


def _lines(lines: Iterable[str]) -> str:
    """Return lines of text that are valid in XML, without control characters."""
    return "\n".join(printable(line) for line in lines)
