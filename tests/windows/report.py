"""The report: for people on standard output, for programs and for sending back as JSON."""

from __future__ import annotations

import ctypes
import json
import platform
import sys
from collections import Counter
from typing import Any

from comparison import Compared, Outcomes, Plan
from handshakes import NOT_STAGED, Outcome
from programs import Answer
from questions import Settled

from sslbind.version import VERSION

STANDIN = "netsh is a stand-in here: nothing below says anything about Windows"


def document(plan: Plan, outcomes: Outcomes) -> dict[str, Any]:
    """Return the report as JSON; it holds no binding that is not this test's."""
    return {
        "version": 1,
        "standin": plan.standin,
        "stopped": outcomes.stopped or None,
        "host": host(plan),
        "summary": summary(outcomes),
        "questions": [_question(one) for one in outcomes.settled],
        "handshakes": [one._asdict() | {"same": one.same} for one in outcomes.handshakes],
        "not_staged": NOT_STAGED,
        "lines": [_line(one) for one in outcomes.lines],
    }


def write(path: str, plan: Plan, outcomes: Outcomes) -> None:
    """Write the JSON report to ``path``."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        json.dump(document(plan, outcomes), file, indent=1)
        file.write("\n")


def text(plan: Plan, outcomes: Outcomes) -> str:
    """Return the report for people: each difference with both sides, and what is settled."""
    told = [" · ".join(f"{name} {value}" for name, value in host(plan).items())]
    if plan.standin:
        told.append(STANDIN)
    told += [_difference(one) for one in outcomes.lines if one.result == "different"]
    told += [_purpose(one) for one in outcomes.lines if one.result == "on-purpose"]
    if plan.with_lines:
        told += ["\nOpen questions", *(_settled(one) for one in outcomes.settled)]
    if outcomes.handshakes:
        told += ["\nHandshakes", *(_handshake(one) for one in outcomes.handshakes)]
        told += [f"  not staged: {what}" for what in NOT_STAGED]
    told += ["", _sentence(outcomes)]
    return "\n".join(told) + "\n"


def host(plan: Plan) -> dict[str, str]:
    """Return what the answers depend on: programs, system, language."""
    facts = {
        "netsh": plan.netsh.prefix[0],
        "encoding": plan.netsh.encoding,
        "sslbind": VERSION,
        "modelled": plan.release.title,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    if sys.platform == "win32":
        facts["build"] = str(sys.getwindowsversion().build)
        facts["language"] = hex(ctypes.windll.kernel32.GetUserDefaultUILanguage())
    return facts


def summary(outcomes: Outcomes) -> dict[str, int]:
    """Return how many lines, questions and handshakes came out in which way."""
    results = Counter(one.result for one in outcomes.lines)
    tried = [one for one in outcomes.handshakes if not one.skipped]
    return {
        "lines": len(outcomes.lines),
        "same": results["same"],
        "different": results["different"],
        "on_purpose": results["on-purpose"],
        "not_compared": results["others"],
        "questions": sum(not one.why for one in outcomes.settled),
        "answered_alike": sum(one.same for one in outcomes.settled),
        "handshakes": len(tried),
        "handshakes_different": sum(not one.same for one in tried),
        "handshakes_skipped": len(outcomes.handshakes) - len(tried),
    }


def _line(one: Compared) -> dict[str, Any]:
    return {
        "id": one.line.id,
        "line": one.line.text,
        "result": one.result,
        "ours": one.ours or None,
        "netsh": _side(one.netsh),
        "sslbind": _side(one.sslbind),
    }


def _side(answer: Answer) -> dict[str, Any]:
    return {"exit": answer.code, "output": answer.output, "errors": answer.errors}


def _question(one: Settled) -> dict[str, Any]:
    return {
        "name": one.question.name,
        "question": one.question.asked,
        "lines": one.question.lines,
        "netsh": one.netsh or None,
        "sslbind": one.sslbind or None,
        "same": one.same,
        "not_asked": one.why or None,
    }


def _difference(one: Compared) -> str:
    sides = "".join(
        f"\n  {name} exits {answer.code}:" + _quote(answer.output)
        for name, answer in (("netsh", one.netsh), ("sslbind", one.sslbind))
    )
    return f"\nDIFFERENT {one.line.id}: {one.line.text}{sides}"


def _quote(output: str) -> str:
    """Return ``output`` with visible spaces: each line between bars."""
    rows = output.split("\n")
    last = rows.pop()
    quoted = "".join(f"\n    |{row}|" for row in rows)
    return quoted + (f"\n    |{last}| (no line end)" if last else "") or " nothing"


def _purpose(one: Compared) -> str:
    return f"\nDIFFERENT ON PURPOSE {one.line.id}: {one.line.text}\n  {one.ours}"


def _settled(one: Settled) -> str:
    head = f"  {one.question.name}: {one.question.asked}\n"
    if one.why:
        return f"{head}    not known: {one.why}"
    if one.same:
        return f"{head}    both: {one.netsh}"
    return f"{head}    netsh:   {one.netsh}\n    sslbind: {one.sslbind}"


def _handshake(one: Outcome) -> str:
    where = f"  {one.case}: {one.connection}"
    if one.skipped:
        return f"{where}: not tried: {one.skipped}"
    if one.same:
        return f"{where}: both: {one.served}"
    return f"{where}: DIFFERENT: served {one.served}, resolve says {one.predicted} ({one.resolved})"


def _sentence(outcomes: Outcomes) -> str:
    n = summary(outcomes)
    told = (
        f"{n['lines']} lines: {n['same']} alike, {n['different']} different,"
        f" {n['on_purpose']} different on purpose, {n['not_compared']} not compared;"
        f" {n['questions']} questions, {n['answered_alike']} answered alike;"
        f" {n['handshakes']} handshakes, {n['handshakes_different']} different,"
        f" {n['handshakes_skipped']} not tried"
    )
    return f"{told}\nNOT FINISHED: {outcomes.stopped}" if outcomes.stopped else told
